"""flask: a request happens after its caller's call, and the caller goes on after its reply.

Emits: HTTP request and response; the receipt of the caller's message if the caller is recorded
too, and the message back to it before the response leaves; what a handler has raised.

The class is patched: applications that exist already, that are mounted, or that have wrapped their
``wsgi_app`` are seen as well.
"""

from __future__ import annotations

import sys

from raceway_autopatch import wsgi
from raceway_autopatch.http_requests import handler_failed
from raceway_autopatch.patching import contained, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "flask>=2.0"


@contained
def _note(error: Any) -> None:
    request = sys.modules["flask"].request
    if request:
        handler_failed(request.environ, error)


def _handle(wrapped: Any, _app: Any, args: Any, kwargs: Any) -> Any:
    _note(args[0] if args else kwargs.get("e"))
    return wrapped(*args, **kwargs)


PATCHES = (wrap("Flask.wsgi_app", wsgi.call), wrap("Flask.handle_exception", _handle))
