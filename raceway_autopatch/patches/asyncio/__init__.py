"""asyncio: every task and every callback is an actor, and what one learns of another is an edge.

One file of this package for each part:

``handles``
    Whose turn it is: ``Handle._run``, ``BaseEventLoop.create_task`` and ``run_forever``.
``futures``
    What awaiting or asking something that is already done tells.
``locks``, ``queues``
    The synchronisation primitives.
``uvloop``
    The turns of a loop whose handles are made in C.
``anyio``
    What anyio makes itself and not of asyncio's primitives.
"""

from __future__ import annotations

from raceway_autopatch.patches.asyncio import anyio, futures, handles, locks, queues, uvloop

SUPPORTS = None

PATCHES = {
    "asyncio.futures": futures.FUTURES,
    "asyncio.tasks": futures.TASKS,
    "asyncio.taskgroups": futures.GROUPS,
    "asyncio.events": handles.EVENTS,
    "asyncio.base_events": handles.BASE_EVENTS,
    "asyncio.unix_events": handles.UNIX_EVENTS,
    "asyncio.locks": locks.PATCHES,
    "asyncio.queues": queues.PATCHES,
    "asyncio": futures.PACKAGE,
    "uvloop": uvloop.PATCHES,
    **anyio.PATCHES,
}

teardown = futures.teardown
