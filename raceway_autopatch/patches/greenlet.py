"""greenlet: actors in the thread that imports it, also without gevent.

Emits: fork when a greenlet is switched to for the first time, join when it ends, send and receive
where a switch carries a value (:mod:`raceway_autopatch.greenlets`).

The greenlets of eventlet are left alone: what its own primitives promise is not known.
"""

from __future__ import annotations

import sys

from raceway_autopatch import greenlets
from raceway_autopatch.patching import wrap

SUPPORTS = None
PATCHES = (
    wrap("settrace", greenlets.set_trace, optional=True),
    wrap("gettrace", greenlets.get_trace, optional=True),
)

teardown = greenlets.remove_tracer


def setup() -> None:
    """Trace this thread from now on."""
    __import__("opcode")  # which the trace function needs
    if "eventlet" not in sys.modules:
        greenlets.install_tracer()
