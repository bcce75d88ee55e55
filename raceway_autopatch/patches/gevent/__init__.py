"""gevent: every greenlet is an actor; the hub and the main greenlet are the thread itself.

One file of this package for each part:

``hubs``
    Traces every thread that has a hub (:mod:`raceway_autopatch.greenlets`).
``greenlets``
    Births and ends: ``Greenlet``, ``joinall``, groups and pools, the thread pool.
``links``
    Callbacks that are linked to greenlets, events and results.
``primitives``
    Events, results, semaphores and queues.

gevent's classes are compiled and cannot be changed, so that their names stand for subclasses
(:mod:`raceway_autopatch.substitutes`).  What stays approximate: greenlets that were started
through a class that somebody kept from before are ordered after their spawner's last step.
"""

from __future__ import annotations

import sys

from raceway.record.recorder import lost
from raceway_autopatch.greenlets import remove_tracer
from raceway_autopatch.patches.gevent import greenlets, hubs, primitives
from raceway_autopatch.patching import apply_again, replace

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "gevent>=22.10"

MONKEY_PATCHED = {"threading": "Condition", "queue": "Queue"}
"""Modules that ``gevent.monkey`` changes and that have patches of ours, and a class of each.

Where that class has become gevent's own, there is nothing to be patched again.
"""


def _did_patch(event: object) -> None:
    """Patch what ``patch_all()`` has put in the place of what was patched."""
    try:
        if type(event).__name__ == "GeventDidPatchBuiltinModulesEvent":
            for name, member in MONKEY_PATCHED.items():
                if getattr(sys.modules.get(name), member, _did_patch).__module__ == name:
                    apply_again(name)
    except BaseException as error:  # it would reach the caller of patch_all()
        lost("gevent.monkey", error)


def _subscribe(subscribers: Any) -> Any:
    subscribers.append(_did_patch)
    return subscribers


PATCHES = {
    "gevent.events": (replace("subscribers", _subscribe),),
    "gevent.hub": (*hubs.HUB, *greenlets.WAITING),
    "gevent.greenlet": greenlets.GREENLET,
    "gevent.event": primitives.EVENT,
    "gevent.lock": primitives.LOCK,
    "gevent.queue": primitives.QUEUE,
    "gevent.pool": greenlets.POOL,
    "gevent.threadpool": greenlets.THREADPOOL,
    "gevent.baseserver": hubs.SERVER,
    "gevent": greenlets.PACKAGE,
}


def teardown() -> None:
    """Take back what patching cannot: the trace function of this thread, copied names."""
    remove_tracer()
    primitives.substitutes.restore()
    subscribers = getattr(sys.modules.get("gevent.events"), "subscribers", [])
    while _did_patch in subscribers:
        subscribers.remove(_did_patch)
