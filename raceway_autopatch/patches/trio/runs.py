"""trio._core._run: whose turn it is on the thread of a run.

trio tells it itself: an instrument (``trio.abc.Instrument``) is called when a task is made, before
and after each of its steps, when somebody wakes it, and when it has ended.  It is added to each
run by ``trio.lowlevel.add_instrument``.

Emits: fork when a task is made; a switch at each step; a hand-off from who wakes a task to the
step that follows; a message of each child to who leaves the nursery, and to who has called
``trio.run``.

The task that trio makes for itself at the root of a run, and the one that runs callbacks, are the
run's thread.  That learns nothing while the run goes on, so that what they wake learns nothing by
that.

Whoever waits for a lock is woken by who releases it, which is the chance order of this run.  So a
release runs as the run's thread, too (:func:`silently`), and only acquire and release speak of it.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder
from raceway.record.recorder import lost
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    Async = Callable[..., Awaitable[Any]]

_WAKE_UPS, EVENTS, REQUESTS, REPLIES, CALLBACKS = (number << 55 for number in (1, 3, 5, 6, 7))
"""Ored with an address or a hash: ranges of channels, none of which is asyncio's."""
_WOKEN = _WAKE_UPS << ops.OP_BITS
"""Ored with the address of a task, shifted; whoever wakes replaces what was sent before."""
_RUNS_CALLBACKS = "<TrioToken.run_sync_soon task>"
"""The name that trio gives to the task that runs callbacks."""

_status = recorder.status


class Task(recorder.State):
    """A task of trio: who runs while it does.

    Attributes:
        calls: Its calls of ``to_thread.run_sync``, the innermost last.
        woken: Whoever has woken it has something to say.
    """

    __slots__ = ("calls", "woken")

    def __init__(self, actor: int, group: int) -> None:
        super().__init__(actor, group)
        self.calls: list[Any] = []
        self.woken = False


def _new_task(task: Any) -> Task:
    group = recorder.current().group
    state = Task(recorder.next_actor(), group)
    name = str(task.name).removeprefix("__main__.")
    recorder.define_one_more((ops.DEF_ACTOR, state.actor, name, "task", group))
    return state


class _Instrument:
    """What trio calls; its methods are set by :func:`_instrument`, which saves a look-up each."""


def _instrument() -> _Instrument:  # noqa: PLR0915 - one closure for all that a run has
    """Return an instrument for one run."""
    status, local, emit, current = (
        recorder.status, recorder.local, recorder.emit, recorder.current,
    )  # fmt: skip
    buffer, limit = recorder.BUFFER, recorder.CHUNK_ITEMS
    states: dict[Any, Task | None] = {}  # None: a step of it is one of the thread
    before: Any = None
    end = recorder.next_channel()

    def task_spawned(task: Any) -> None:
        if status.active:
            try:
                if task.parent_nursery is None or task.name == _RUNS_CALLBACKS:
                    states[task] = None
                else:
                    state = states[task] = _new_task(task)
                    recorder.fork_actor(state)
            except BaseException as error:
                lost("trio task", error)

    def task_scheduled(task: Any) -> None:
        if status.active:
            try:
                state = states.get(task)
                waker = current()
                # Not itself, nor who has not begun; nor the thread, which is nobody's news.
                if (
                    state is not None
                    and waker is not state
                    and waker.actor != waker.group
                    and state.tok & ops.EPOCH_MASK
                ):
                    token = waker.tok
                    emit((token, id(task) << 5 | _WOKEN | ops.HANDOFF, None, None))
                    waker.tok = token + 1
                    state.woken = True
            except BaseException as error:
                lost("trio wake-up", error)

    def before_task_step(task: Any) -> None:
        nonlocal before
        if not status.active:
            return
        try:
            before = current()
            try:
                state = states[task]
            except KeyError:  # made when nothing was recorded
                state = states[task] = _new_task(task)
            if state is None:
                return
            token = state.tok + 1
            if state.woken:
                state.woken = False
                heard = id(task) << 5 | _WOKEN | ops.RECEIVE
                emit((token, ops.SWITCH, None, None, token, heard, None, None))
                state.tok = token + 1
            else:
                emit((token, ops.SWITCH, None, None))
                state.tok = token
            local.s = state
        except BaseException as error:
            lost("trio step", error)

    def after_task_step(task: Any) -> None:
        nonlocal before
        if before is not None:
            try:
                local.s = before
                before = None
                if len(buffer) > limit:
                    recorder.flush()
            except BaseException as error:
                lost("trio step", error)

    def task_exited(task: Any) -> None:
        try:
            state = states.pop(task, None)
            if state is not None and status.active:
                nursery = task.parent_nursery
                recorder.sync(ops.SEND, _channel(nursery))
                if states.get(nursery.parent_task, state) is None:
                    recorder.sync(ops.SEND, end)
                recorder.sync(ops.END, state.actor)
        except BaseException as error:
            lost("end of a trio task", error)

    def after_run() -> None:
        nonlocal before
        try:
            if before is not None:  # trio has failed in the middle of a step
                local.s = before
                before = None
            if status.active:
                recorder.switch_to(current())
                recorder.sync(ops.RECEIVE, end)
        except BaseException as error:
            lost("end of a trio run", error)

    made = _Instrument()
    made.__dict__.update(
        task_spawned=task_spawned,
        task_scheduled=task_scheduled,
        before_task_step=before_task_step,
        after_task_step=after_task_step,
        task_exited=task_exited,
        after_run=after_run,
    )
    return made


def _setup_runner(original: Callable[..., Any]) -> Callable[..., Any]:
    add = contained(_add, "trio.run")

    def setup_runner(*args: Any, **kwargs: Any) -> Any:
        runner = original(*args, **kwargs)
        if _status.active:
            add()
        return runner

    return setup_runner


def _add() -> None:
    sys.modules["trio.lowlevel"].add_instrument(_instrument())


# ---------------------------------------------------------------- nurseries


def _channel(nursery: Any) -> int:
    number: int | None = getattr(nursery, "_raceway_channel", None)
    if number is None:
        number = nursery._raceway_channel = recorder.next_channel()
    return number


@contained
def _learn_ends(nursery: Any) -> None:
    number = getattr(nursery, "_raceway_channel", None)
    if number is not None:
        recorder.sync(ops.RECEIVE, number)


def _left(original: Async) -> Async:
    """Wrap what waits for the children: who leaves the block knows that they have ended."""

    async def _nested_child_finished(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = await original(self, *args, **kwargs)  # what the children raised is returned
        if _status.active:
            _learn_ends(self)
        return result

    return _nested_child_finished


# ---------------------------------------------------------------- for the other files


def protected(function: Any) -> Any:
    """Return ``function``, in which trio raises no KeyboardInterrupt, as in what it wraps.

    Args:
        function: What takes the place of a function that trio protects.
    """
    enable = getattr(sys.modules.get("trio._core._ki"), "enable_ki_protection", None)
    if enable is not None:
        try:
            # Marks its code. Older versions make another function, a frame more: not taken.
            enable(function)
        except (AttributeError, TypeError):
            pass
    return function


def silently(original: Callable[..., Any], *args: Any) -> Any:
    """Call ``original``; whoever it wakes learns nothing by that."""
    local = recorder.local
    before = recorder.current()
    local.s = recorder.thread_state()
    try:
        return original(*args)
    finally:
        local.s = before


def called_in(module: str, *functions: str) -> bool:
    """Return whether the caller's caller is one of ``functions``, which records by itself."""
    frame = sys._getframe(2)
    return frame.f_code.co_name in functions and frame.f_globals.get("__name__") == module


PATCHES = (
    around("setup_runner", _setup_runner),
    around("Nursery._nested_child_finished", _left, optional=True),
)
