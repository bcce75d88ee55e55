"""urllib3: what came before a call happens before the handler, and its reply before the caller.

Emits: as for requests, whose calls go through here and are recorded there.  Each attempt and each
hop of a redirect is a call of its own.
"""

from __future__ import annotations

from raceway.record import recorder
from raceway_autopatch import http_calls
from raceway_autopatch.patching import contained, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "urllib3>=1.26"


class _Headers:
    """The headers of one attempt, whatever mapping the program has passed; it is not changed.

    Attributes:
        copy: The same with what was added.
    """

    def __init__(self, headers: Any) -> None:
        self.copy: Any = {} if headers is None else headers.copy()
        self._names = {
            (name.decode("latin-1") if isinstance(name, bytes) else str(name)).lower(): name
            for name in self.copy
        }

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __setitem__(self, name: str, value: str) -> None:
        self.copy[self._names.setdefault(name, name)] = value

    def get(self, name: str) -> str | None:
        """Return one as text."""
        if name not in self:
            return None
        value = self.copy[self._names[name]]
        return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _make_request(wrapped: Any, pool: Any, args: Any, kwargs: Any) -> Any:
    begun = _begin(pool, args, kwargs)
    if begun is None:
        return wrapped(*args, **kwargs)
    call, headers = begun
    call.carry()
    try:
        response = wrapped(*args, **{**kwargs, "headers": headers})
    except BaseException:
        call.end(0, None)
        raise
    call.end(getattr(response, "status", 0), getattr(response, "headers", None))
    return response


@contained
def _begin(pool: Any, args: Any, kwargs: Any) -> tuple[http_calls.Call, Any] | None:
    # It is called with connection, method and URL, and all else by name.
    if not recorder.status.active or len(args) != 3:
        return None
    url = str(args[2])
    if not url.startswith("http"):
        url = f"{pool.scheme}://{pool.host}{'' if pool.port is None else f':{pool.port}'}{url}"
    headers = _Headers(kwargs.get("headers"))
    call = http_calls.begin(args[1], url, headers)
    return None if call is None else (call, headers.copy)


PATCHES = (wrap("HTTPConnectionPool._make_request", _make_request, optional=True),)
