"""A provider tells of new flags from its own thread, while the application adds its handlers."""

import threading

from openfeature import api
from openfeature.event import ProviderEvent, ProviderEventDetails
from openfeature.provider.in_memory_provider import InMemoryProvider

provider = InMemoryProvider({})
api.set_provider(provider)


def stream() -> None:
    for name in ("dark-mode", "new-shop"):
        provider.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=[name]))


streaming = threading.Thread(target=stream)
streaming.start()
for component in ("cart", "search"):
    api.add_handler(
        ProviderEvent.PROVIDER_CONFIGURATION_CHANGED,
        lambda details, component=component: print(component, "reloads", details.flags_changed),
    )
streaming.join()
api.shutdown()
