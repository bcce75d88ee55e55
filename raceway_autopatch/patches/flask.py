"""flask: a request happens after its caller's call, and the caller goes on after its reply.

Emits: HTTP request and response; the receipt of the caller's message if the caller is recorded
too, and the message back to it before the response leaves.

The class is patched: applications that exist already, that are mounted, or that have wrapped their
``wsgi_app`` are seen as well.
"""

from __future__ import annotations

from raceway_autopatch import wsgi
from raceway_autopatch.patching import wrap

SUPPORTS = "flask>=2.0"
PATCHES = (wrap("Flask.wsgi_app", wsgi.call),)
