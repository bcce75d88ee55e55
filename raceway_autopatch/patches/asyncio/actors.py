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
from raceway.record.callables import (
    BUILTIN,
    FUNCTION,
    METHOD,
    module_of,
    name_of,
    owner_of,
    type_name,
    unwrapped,
)
from raceway.record.recorder import lost

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
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
_STEPS = frozenset({"TaskStepMethWrapper", "TaskWakeupMethWrapper"})
"""By these C tasks have themselves run; up to Python 3.10 the second one is a type, too."""
_ENDED_KEPT = 256


def task_types() -> tuple[Any, ...]:
    """Return the classes whose instances are tasks; asyncio is loaded when a handle runs."""
    tasks = sys.modules["asyncio.tasks"]
    found = (getattr(tasks, "_CTask", None), getattr(tasks, "_PyTask", None))
    return tuple(kind for kind in found if isinstance(kind, type))


def stepping() -> Callable[[Any], Any]:
    """Return a function that tells which task a callback is a step of; None: of no task."""
    tasks: tuple[Any, ...] = ()
    step: Any = METHOD  # the type of the steps of C tasks, as soon as one has been seen

    def task_of(callback: Any) -> Any:
        nonlocal tasks, step
        kind = type(callback)
        if kind is step or kind is METHOD or kind is BUILTIN:
            owner = callback.__self__
        elif kind is not FUNCTION and type_name(kind) in _STEPS:
            owner, step = callback.__self__, kind
        else:
            return None
        return owner if issubclass(type(owner), tasks or (tasks := task_types())) else None

    return task_of


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
    try:
        recorder.sync(ops.END, state.actor)
        try:
            recorder.local.ended.append(state.actor)
        except AttributeError:
            # Bounded: of a server that runs for months nobody will ask after all its tasks.
            recorder.local.ended = deque([state.actor], _ENDED_KEPT)
    except BaseException as error:  # the program's task has ended, whatever fails here
        lost("end of a task", error)


def learn_end(task: Any) -> bool:
    """Record that whoever runs here knows that ``task`` has ended.

    Args:
        task: A task that is done, or an operation of asyncio that is over.

    Returns:
        Whether that may be news.
    """
    try:
        state = getattr(task, ATTRIBUTE, None)
        if isinstance(state, recorder.State):
            learner = recorder.current().actor
            # done(), then exception(), then result(): once is enough.
            if state.actor != learner and _last_join.pair != (learner, state.actor):
                _last_join.pair = (learner, state.actor)
                recorder.sync(ops.JOIN, state.actor)
                return True
    except BaseException as error:
        lost("end of a task", error)
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


def task_name(task: Any, coro: Any = None) -> str:
    """Return what reports call a task: its name and that of its coroutine.

    Args:
        task: Anything that a task factory returned.
        coro: Its coroutine, if it may have forgotten that because it has ended.
    """
    try:
        for known in task_types():
            if known in type(task).__mro__:
                # One that has ended may have none, and up to 3.12.2 get_coro() crashes on that.
                if coro is None and task._state == "PENDING":
                    coro = known.get_coro(task)
                name = known.get_name(task)
                return str(name) if coro is None else f"{name} ({name_of(coro)})"
        return f"Task ({type_name(type(task))})"
    except BaseException as error:
        lost("task name", error)
        return "Task"


def rename(task: Any, state: State) -> None:
    """Take over the name that a task was given after it was made; called before its first step.

    Up to Python 3.12 ``asyncio.create_task`` sets it later than the loop makes the task.

    Args:
        task: The task.
        state: Its actor.
    """
    name = task_name(task)
    if not name.startswith("Task-"):
        recorder.define((ops.DEF_ACTOR, state.actor, name, "task", state.group))


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
        function = unwrapped(callback)
        owner = owner_of(function)
        if owner is not None:
            module: Any = type(owner).__module__
        else:
            module = module_of(function)
        name = name_of(function)
        if name == "connection_made" and args and type(args[0]).__module__ in _OPERATIONS:
            return _operation(args[0], type_name(type(owner)), before), False
        if type(module) is str and module.startswith(("asyncio.", "uvloop.", "anyio.")):
            found: tuple[State, bool] | None = _of_library(function, owner, name, module, before)
            if found is not _UNKNOWN:
                return found
        name = name_of(function, "__qualname__")
        return recorder.new_state(name, "callback", before.group), True
    except BaseException as error:  # whatever a callable of the program does
        lost("callback", error)
        return recorder.new_state("callback", "callback", before.group), True


_UNKNOWN: Any = object()
"""Not among the functions of which it is known what they do: like one of the program."""


def _of_library(function: Any, owner: Any, name: str, module: str, before: State) -> Any:
    """Answer for a function of asyncio, or of what is built on it, as far as it is known."""
    if owner is None:
        if name in _SILENT_FUNCTIONS or module.startswith("uvloop."):
            return None
        if type(function) is FUNCTION and "<locals>" in function.__qualname__:
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
    if type(state) is not _Operation or state.group != before.group:
        state = _Operation(recorder.next_actor(), before.group)
        title = name.partition(".<locals>")[0]
        recorder.define((ops.DEF_ACTOR, state.actor, title, "callback", before.group))
        keep(owner, state)
    return state


class _Operation(recorder.State):
    """The actor of one operation: it ends with the object that keeps it.

    Nobody says when a gather or a transport is over.  Without an end the analysis would have to
    keep all that a program has ever had.
    """

    __slots__ = ("_process",)

    def __init__(self, actor: int, group: int) -> None:
        self._process = recorder.status.pid  # first: __del__ comes also if the rest fails
        super().__init__(actor, group)

    # In any thread, and in the middle of anything: one step, on its own behalf, and by names that
    # are still there when the interpreter has cleared its modules.
    def __del__(
        self,
        status: Any = recorder.status,
        emit: Callable[[Any], None] = recorder.emit,
        bits: int = ops.OP_BITS,
        end: int = ops.END,
    ) -> None:
        if status.active and status.pid == self._process:  # a forked child inherits the objects
            emit((self.tok, self.actor << bits | end, None, None))
