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

from raceway_autopatch.patches.gevent import greenlets, primitives, switches

MODULE = (
    "gevent.hub",
    "gevent.greenlet",
    "gevent.event",
    "gevent.lock",
    "gevent.queue",
    "gevent.pool",
    "gevent.threadpool",
    "gevent",
)
SUPPORTS = "gevent>=22.10"

PATCHES = {
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
