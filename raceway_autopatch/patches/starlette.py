"""starlette: a request happens after its caller's call, and the caller goes on after its reply.

Emits: as for flask.  FastAPI's applications are Starlette's.

The class is patched, and stands around all middleware: a middleware of ours among the others would
change what the program sees of its own.
"""

from __future__ import annotations

from raceway_autopatch import asgi
from raceway_autopatch.patching import wrap

SUPPORTS = "starlette>=0.20"
PATCHES = (wrap("Starlette.__call__", asgi.call),)
