"""gevent.hub: traces each thread that has a hub, and waits for all.

Emits: join of every greenlet of the thread when ``gevent.wait()`` finds that nothing is left.
"""

from __future__ import annotations

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.greenlets import install_tracer, started
from raceway_autopatch.patching import around, contained, internal_error

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _hub_init(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        try:
            install_tracer()
        except Exception as error:  # there must be a hub
            internal_error("gevent hub", error)
        original(self, *args, **kwargs)

    return __init__


def _hub_join(original: Callable[..., Any]) -> Callable[..., Any]:
    known = contained(_all_known, "gevent.wait")

    def join(self: Any, timeout: Any = None) -> Any:
        over = original(self, timeout)
        if over:
            known()
        return over

    return join


def _all_known() -> None:
    """Nothing is left to run: whoever has waited for that knows of the end of all."""
    here = recorder.current().actor
    for actor in started():
        if actor != here:
            recorder.sync(ops.JOIN, actor)


HUB = (
    around("Hub.__init__", _hub_init),
    around("Hub.join", _hub_join, optional=True),
)
