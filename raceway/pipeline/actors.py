"""Who is calling: one serial per thread, asyncio task and greenlet, never used twice.

A server decides by ``thread_id`` whether two accesses can race at all and which locks are held, so
that the identity must be that of the real actor. ``threading.get_ident()`` is reused as soon as a
thread has ended, and all tasks of a loop share one thread. Threads are known by a native
thread-local; tasks and greenlets by weak references, so that none is kept alive by having been
seen.
"""

from __future__ import annotations

import os
import sys
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from raceway.pipeline import native

if TYPE_CHECKING:
    from raceway.context import TraceContext
    from raceway.pipeline.encoding import Identity


class HeldLock:
    """A lock that its actor has reported as acquired.

    Attributes:
        trace: The trace in which that was.
        event: Number of the event, or None if it was dropped.
        count: How often it has been acquired and not released since.
    """

    __slots__ = ("count", "event", "trace")

    def __init__(self, trace: TraceContext) -> None:
        self.trace = trace
        self.event: int | None = None
        self.count = 1


class Actor:
    """A thread, asyncio task or greenlet of this process.

    ``held`` is changed by the actor itself only, so that it needs no lock.
    """

    __slots__ = ("__weakref__", "head", "held", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        # What an encoder has made of it, and for whom.
        self.head: tuple[Identity, str] | None = None
        # (client, lock id) -> what was reported about it
        self.held: dict[tuple[int, str], HeldLock] = {}

    def thread_id(self, instance: str) -> str:
        """Return the id for the wire, unique among all processes of all instances.

        Args:
            instance: Instance id of this process.
        """
        pid = str(os.getpid())
        if instance.endswith("-" + pid):  # the default instance id has it already
            return f"{instance}:{self.name}"
        return f"{instance}:{pid}:{self.name}"


_modules = sys.modules
_serials = count(1)
_threads: Any = native.Local()
_others: WeakKeyDictionary[Any, Actor] = WeakKeyDictionary()


def current_actor() -> Actor:
    """Return the actor that is running now.

    Returns:
        The asyncio task if one is running in this thread, else the greenlet unless it is the main
        one of its thread, else the thread. The same object each time.
    """
    # A call costs as much as all that is done here if neither is in use.
    tasks = _modules.get("asyncio.tasks")
    if tasks is not None and (task := _current_task(tasks)) is not None:
        return _other(task, "task")
    module = _modules.get("greenlet")
    if module is not None and (greenlet := _current_greenlet(module)) is not None:
        return _other(greenlet, "greenlet")
    actor: Actor | None = getattr(_threads, "actor", None)
    if actor is None:
        actor = _threads.actor = Actor(f"{_thread_name()}-{next(_serials)}")
    return actor


def _current_task(tasks: Any) -> Any:
    try:
        # Asked first, because current_task() raises where no loop runs, which takes long.
        loop = tasks.events._get_running_loop()
        return None if loop is None else tasks.current_task(loop)
    except (RuntimeError, AttributeError):  # asyncio is half imported
        return None


def _current_greenlet(module: Any) -> Any:
    try:
        current = module.getcurrent()
        return None if current.parent is None else current
    except AttributeError:  # half imported
        return None


def _other(key: Any, kind: str) -> Actor:
    actor = _others.get(key)
    if actor is None:
        actor = _others[key] = Actor(f"{kind}-{next(_serials)}")
    return actor


def _thread_name() -> str:
    # Not current_thread(): in a thread that Python did not start it would create a Thread object.
    threading = sys.modules.get("threading")
    active = getattr(threading, "_active", {})
    thread = active.get(native.get_ident())
    name = getattr(thread, "_name", None)
    return str(name)[:64] if isinstance(name, str) and name.isascii() else "thread"
