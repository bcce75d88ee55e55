"""django: a request happens after its caller's call, and the caller goes on after its reply.

Emits: as for flask, under WSGI and under ASGI.

The handlers are patched, not the settings: what is in MIDDLEWARE is the program's.  The test client
calls views without them, in the thread of the test.
"""

from __future__ import annotations

from raceway_autopatch import asgi, wsgi
from raceway_autopatch.patching import wrap

SUPPORTS = "django>=3.2"
PATCHES = {
    "django.core.handlers.wsgi": (wrap("WSGIHandler.__call__", wsgi.call),),
    "django.core.handlers.asgi": (wrap("ASGIHandler.__call__", asgi.call),),
}
