"""django: a request happens after its caller's call, and the caller goes on after its reply.

Emits: as for flask, under WSGI and under ASGI.

The handlers are patched, not the settings: what is in MIDDLEWARE is the program's.  The test client
calls views without them, in the thread of the test.
"""

from __future__ import annotations

from raceway_autopatch import asgi, wsgi
from raceway_autopatch.http_requests import handler_failed
from raceway_autopatch.patching import contained, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "django>=3.2"


@contained
def _note(request: Any, raised: Any) -> None:
    # Under ASGI this runs in another thread than the view: the request tells it at its end.
    surroundings = getattr(request, "environ", None) or getattr(request, "scope", None)
    if surroundings is not None:
        handler_failed(surroundings, raised[1])


def _handle(wrapped: Any, _module: Any, args: Any, kwargs: Any) -> Any:
    if len(args) == 3:
        _note(args[0], args[2])
    return wrapped(*args, **kwargs)


PATCHES = {
    "django.core.handlers.wsgi": (wrap("WSGIHandler.__call__", wsgi.call),),
    "django.core.handlers.asgi": (wrap("ASGIHandler.__call__", asgi.call),),
    "django.core.handlers.exception": (wrap("handle_uncaught_exception", _handle, optional=True),),
}
