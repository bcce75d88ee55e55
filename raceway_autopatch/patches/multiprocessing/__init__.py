"""multiprocessing: processes, what they send each other, what they wait for and what they share.

Emits: fork, join and end of processes and pool jobs; acquire, release and wait on locks that are
the same one in all processes; send, receive, post and take for what queues, pipes, events,
semaphores, barriers and pools promise; accesses of ``Value``, ``Array`` and ``ShareableList``.
"""

from __future__ import annotations

from raceway_autopatch.patches.multiprocessing import (
    executors,
    lists,
    messages,
    pools,
    primitives,
    processes,
    queues,
    variables,
)

SUPPORTS = None

PATCHES = {
    "multiprocessing.process": processes.PATCHES,
    "multiprocessing.synchronize": primitives.PATCHES,
    "multiprocessing.connection": messages.PATCHES,
    "multiprocessing.queues": queues.PATCHES,
    "multiprocessing.sharedctypes": variables.PATCHES,
    "multiprocessing.shared_memory": lists.PATCHES,
    "multiprocessing.pool": pools.PATCHES,
    "concurrent.futures.process": executors.PATCHES,
}
