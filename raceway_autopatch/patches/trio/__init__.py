"""trio: every task is an actor, and what one learns of another is an edge.

One file of this package for each part:

``runs``
    Whose turn it is, by an instrument of the run; who starts whom, who wakes whom, and who knows
    who has ended.
``locks``
    Locks, semaphores, limiters, conditions and events.
``channels``
    What goes through a memory channel.
``threads``
    Jobs in worker threads, calls from there back into the run, and callbacks.
"""

from __future__ import annotations

from raceway_autopatch.patches.trio import channels, locks, runs, threads

SUPPORTS = "trio>=0.24"

PATCHES = {
    "trio._core._run": runs.PATCHES,
    "trio._core._entry_queue": threads.TOKEN,
    "trio._core._thread_cache": threads.WORKERS,
    "trio._sync": locks.PATCHES,
    "trio._channel": channels.PATCHES,
    "trio._threads": threads.PATCHES,
    "trio.to_thread": threads.BY_NAME,
    "anyio._backends._trio": (*locks.ANYIO, *threads.BY_NAME),
}


def teardown() -> None:
    """Forget what is known about objects that have no place for it."""
    locks.forget()
    channels.forget()
