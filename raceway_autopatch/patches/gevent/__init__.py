"""gevent: every greenlet is an actor; the hub and the main greenlet are the thread itself.

One file of this package for each part:

``switches``
    Whose turn it is: a trace function of greenlet in every thread that has a hub.
``greenlets``
    Births and ends: ``Greenlet``, ``joinall``, groups and pools, the thread pool.
``primitives``
    Events, results, semaphores and queues.

gevent's classes are compiled and cannot be changed, so that their names stand for subclasses
(:mod:`raceway_autopatch.substitutes`).  What stays approximate: greenlets that were started
through a class that somebody kept from before are ordered after their spawner's last step, and
``iwait``, ``imap`` and links order nothing by themselves; the ``get()`` of what they give does.
"""

from __future__ import annotations

import sys

from raceway_autopatch.patches.gevent import greenlets, primitives, switches
from raceway_autopatch.patching import apply_again, internal_error, replace

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "gevent>=22.10"

MONKEY_PATCHED = ("threading", "queue")
"""Modules that ``gevent.monkey`` changes and that have patches of ours."""


def _did_patch(event: object) -> None:
    """Patch what ``patch_all()`` has put in the place of what was patched."""
    try:
        if type(event).__name__ == "GeventDidPatchBuiltinModulesEvent":
            for name in MONKEY_PATCHED:
                if name in sys.modules:
                    apply_again(name)
    except Exception as error:  # it would reach the caller of patch_all()
        internal_error("gevent.monkey", error)


def _subscribe(subscribers: Any) -> Any:
    subscribers.append(_did_patch)
    return subscribers


PATCHES = {
    "gevent.events": (replace("subscribers", _subscribe),),
    "gevent.hub": switches.HUB,
    "gevent.greenlet": greenlets.GREENLET,
    "gevent.event": primitives.EVENT,
    "gevent.lock": primitives.LOCK,
    "gevent.queue": primitives.QUEUE,
    "gevent.pool": greenlets.POOL,
    "gevent.threadpool": greenlets.THREADPOOL,
    "gevent": greenlets.PACKAGE,
}


def teardown() -> None:
    """Take back what patching cannot: the trace function of this thread, copied names."""
    switches.remove_tracer()
    primitives.substitutes.restore()
    subscribers = getattr(sys.modules.get("gevent.events"), "subscribers", [])
    while _did_patch in subscribers:
        subscribers.remove(_did_patch)
