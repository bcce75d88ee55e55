"""Who runs in an event loop.

- A step of a task: the task's actor.
- A callback of the program: an actor of its own for each run.
- A callback of asyncio that belongs to one operation (a transport, a TaskGroup, one call of
  gather): one actor for the operation, so that gather's outcome comes after all its children.
  The methods of a protocol are those of its transport: one connection, one actor.
- A callback by which asyncio only wakes whoever has asked for it (the end of a sleep, the loop's
  self-pipe): the loop's thread, which learns nothing while the loop runs.  An actor of its own
  would be a million actors in a program that sleeps a million times, and any actor that received
  would order all sleepers by the accident of their timers.
"""

from __future__ import annotations

import sys

# Not from collections, which takes longer to import than all of this.
from _collections import deque  # type: ignore[import-not-found]  # has no stub

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patching import internal_error

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

    from raceway.record.recorder import State

ATTRIBUTE = "_raceway_state"
"""Where tasks, transports and operations of asyncio keep their actor."""

_SILENT_FUNCTIONS = frozenset(
    {"_set_result_unless_cancelled", "_release_waiter", "_run_until_complete_cb"}
)
"""Functions of asyncio by which it only wakes whoever has asked for it."""
_SILENT_METHODS = frozenset({"_read_from_self", "_accept_connection", "stop"})
"""The same for methods of loops, with all those that begin with ``_sock_``."""
_OPERATIONS = frozenset(
    {
        "asyncio.base_subprocess", "asyncio.proactor_events", "asyncio.selector_events",
        "asyncio.sslproto", "asyncio.staggered", "asyncio.streams", "asyncio.subprocess",
        "asyncio.taskgroups", "asyncio.tasks", "asyncio.timeouts", "asyncio.unix_events",
    }
)  # fmt: skip
"""Where the classes are defined whose instances are one operation each."""
_ENDED_KEPT = 256

_FUNCTION = type(lambda: None)


def task_types() -> tuple[Any, ...]:
    """Return the classes whose instances are tasks; asyncio is loaded when a handle runs."""
    tasks = sys.modules["asyncio.tasks"]
    found = (getattr(tasks, "_CTask", None), getattr(tasks, "_PyTask", None))
    return tuple(kind for kind in found if isinstance(kind, type))


def adopt(task: Any) -> State:
    """Give a task its actor, in the group of whoever runs on this thread.

    Args:
        task: A task that has none: made without ``create_task``, or before the patches.
    """
    state = recorder.new_state(task_name(task), "task", recorder.current().group)
    keep(task, state)
    return state


def ended(state: State) -> None:
    """Record that the running actor has ended; the loop's thread learns it when the loop stops."""
    recorder.sync(ops.END, state.actor)
    try:
        recorder.local.ended.append(state.actor)
    except AttributeError:
        # Bounded: of a server that runs for months nobody will ask after all its tasks.
        recorder.local.ended = deque([state.actor], _ENDED_KEPT)


def learn_end(task: Any) -> bool:
    """Record that whoever runs here knows that ``task`` has ended.

    Args:
        task: A task that is done, or an operation of asyncio that is over.

    Returns:
        Whether that may be news.
    """
    state = getattr(task, ATTRIBUTE, None)
    if type(state) is recorder.State:
        learner = recorder.current().actor
        # done(), then exception(), then result(): once is enough.
        if state.actor != learner and _last_join.pair != (learner, state.actor):
            _last_join.pair = (learner, state.actor)
            recorder.sync(ops.JOIN, state.actor)
            return True
    return False


class _LastJoin:
    """Who was the last to learn of whose end; threads may overwrite each other's, it only saves."""

    __slots__ = ("pair",)

    def __init__(self) -> None:
        self.pair = (0, 0)


_last_join = _LastJoin()


def keep(owner: Any, state: State) -> None:
    """Let a task or an operation of asyncio keep its actor, if it can.

    Args:
        owner: The object.
        state: Its actor.
    """
    try:
        owner._raceway_state = state
    except (AttributeError, TypeError):  # a class with slots: a new actor each time
        pass


def task_name(task: Any) -> str:
    """Return what reports call a task: its name and that of its coroutine.

    Args:
        task: Anything that a task factory returned.
    """
    coroutine = getattr(task, "get_coro", nothing)()
    name = getattr(coroutine, "__name__", None) or type(coroutine).__name__
    return f"{getattr(task, 'get_name', nothing)() or 'Task'} ({name})"


def nothing() -> None:
    """Stand for a method that a class of tasks does not have."""


def rename(task: Any, state: State) -> None:
    """Take over the name that a task was given after it was made; called before its first step.

    Up to Python 3.12 ``asyncio.create_task`` sets it later than the loop makes the task.

    Args:
        task: The task.
        state: Its actor.
    """
    try:
        if not task.get_name().startswith("Task-"):
            recorder.define((ops.DEF_ACTOR, state.actor, task_name(task), "task", state.group))
    except Exception as error:  # a foreign class
        internal_error("task name", error)


def callback_actor(
    callback: Any, args: tuple[Any, ...], before: State
) -> tuple[State, bool] | None:
    """Return whose turn it is when ``callback`` runs, and whether only this time.

    Args:
        callback: What a handle calls.
        args: What it is called with.
        before: Who runs the loop.

    Returns:
        The actor; None: the loop's thread.
    """
    try:
        function = callback
        while type(function).__name__ == "partial" and hasattr(function, "func"):
            function = function.func
        module = getattr(function, "__module__", None)
        owner = getattr(function, "__self__", None)
        if owner is not None:
            module = type(owner).__module__
        name = getattr(function, "__name__", "")
        if name == "connection_made" and args and type(args[0]).__module__ in _OPERATIONS:
            return _operation(args[0], type(owner).__name__, before), False
        if isinstance(module, str) and module.startswith(("asyncio.", "uvloop.", "anyio.")):
            found: tuple[State, bool] | None = _of_library(function, name, module, before)
            if found is not _UNKNOWN:
                return found
        name = getattr(function, "__qualname__", None) or type(function).__name__
        return recorder.new_state(str(name), "callback", before.group), True
    except Exception as error:  # whatever a callable of the program does
        internal_error("callback", error)
        return recorder.new_state("callback", "callback", before.group), True


_UNKNOWN: Any = object()
"""Not among the functions of which it is known what they do: like one of the program."""


def _of_library(function: Any, name: str, module: str, before: State) -> Any:
    """Answer for a function of asyncio, or of what is built on it, as far as it is known."""
    owner = getattr(function, "__self__", None)
    if owner is None:
        if name in _SILENT_FUNCTIONS or module.startswith("uvloop."):
            return None
        if type(function) is _FUNCTION and "<locals>" in function.__qualname__:
            if module.startswith("anyio."):
                # What is called when a child has ended: the group is in the closure.
                names = function.__code__.co_freevars
                cells: Any = function.__closure__
                if "self" in names:
                    owner = cells[names.index("self")].cell_contents
                    return _operation(owner, f"anyio.{type(owner).__name__}", before), False
            return _operation(function, function.__qualname__, before), False
    elif hasattr(owner, "call_soon"):
        if name in _SILENT_METHODS or name.startswith("_sock_"):
            return None
    elif module in _OPERATIONS and not type(owner).__name__.endswith("Watcher"):
        return _operation(owner, type(owner).__name__, before), False
    return _UNKNOWN


def _operation(owner: Any, name: str, before: State) -> State:
    state = getattr(owner, "__dict__", {}).get(ATTRIBUTE)
    if type(state) is not recorder.State or state.group != before.group:
        state = recorder.new_state(name.partition(".<locals>")[0], "callback", before.group)
        keep(owner, state)
    return state
