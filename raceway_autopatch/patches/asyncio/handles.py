"""asyncio.events, asyncio.base_events: whose turn it is on the thread of a loop.

All that a loop runs are handles: the steps of tasks, and callbacks.  Whoever makes a handle sends,
the run of the handle receives: with that the wake-ups of awaited futures, ``call_soon``,
``call_later``, ``call_soon_threadsafe`` and all that is built on them (gather, TaskGroup,
wait_for, to_thread, run_coroutine_threadsafe) are ordered without a patch of their own.

The channel of a handle is its address.  ``Handle`` has slots and no place for a number of ours; an
address needs neither place nor clean-up, and when it is used again the HANDOFF of the new handle
replaces what the old one had sent.  It also keeps the number of channels that the engine has to
remember as small as the number of handles alive at a time.
"""

from __future__ import annotations

from raceway.model import ops
from raceway.record import recorder
from raceway.record.recorder import lost
from raceway_autopatch.patches.asyncio.actors import (
    ATTRIBUTE,
    adopt,
    callback_actor,
    ended,
    learn_end,
    rename,
    stepping,
    task_types,
)
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any


_HANDLE_CHANNEL = 1 << 56 + ops.OP_BITS
"""Above all addresses, so that no channel that was counted out can be meant."""
SENT = _HANDLE_CHANNEL | ops.HANDOFF
"""Ored with the address of a handle, shifted: whoever makes it sends."""
_RECEIVED = _HANDLE_CHANNEL | ops.RECEIVE

_PENDING = "PENDING"


# ---------------------------------------------------------------- handles


def _handle_init(original: Callable[..., None]) -> Callable[..., None]:
    status, local, emit, current = (
        recorder.status, recorder.local, recorder.emit, recorder.current,
    )  # fmt: skip

    def __init__(  # noqa: N807 - it takes the place of one
        self: Any, callback: Any, args: Any, loop: Any, context: Any = None
    ) -> None:
        original(self, callback, args, loop, context)
        if status.active:
            try:
                state = local.s
            except AttributeError:
                state = current()
            token = state.tok
            emit((token, id(self) << 5 | SENT, None, None))
            state.tok = token + 1
        if self._source_traceback:
            # call_soon() removes as many entries as it knows frames of asyncio.
            del self._source_traceback[-1]

    return __init__


def handle_run(  # noqa: PLR0915 - written out, each call inside would cost a tenth
    original: Callable[..., None],
) -> Callable[..., None]:
    """Wrap ``Handle._run``: what runs inside is the turn of a task, a callback or the thread.

    Args:
        original: Takes a handle, an object with ``_callback`` and ``_args``.
    """
    status, local, emit, current = (
        recorder.status, recorder.local, recorder.emit, recorder.current,
    )  # fmt: skip
    buffer, limit = recorder.BUFFER, recorder.CHUNK_ITEMS
    task_of = stepping()

    def _run(self: Any) -> None:  # noqa: PLR0912 - as above
        if not status.active:
            original(self)
            return
        try:
            before = local.s
        except AttributeError:
            before = current()
        callback = task = state = None
        once = False
        try:
            callback = self._callback
            task = task_of(callback)
            if task is not None:
                try:
                    state = task._raceway_state
                    if state.group != before.group:
                        state = adopt(task)  # made before anybody knew which thread would run it
                except AttributeError:
                    state = adopt(task)
            else:
                found = callback_actor(callback, self._args, before)
                if found is not None:
                    state, once = found
            if state is not None:
                token = state.tok + 1
                if token & ops.EPOCH_MASK == 1 and task is not None:
                    rename(task, state)
                run = token, ops.SWITCH, None, None, token, id(self) << 5 | _RECEIVED, None, None
                emit(run)
                state.tok = token + 1
                local.s = state
                if task is None and self._args and issubclass(type(self._args[0]), task_types()):
                    # A done-callback.  Its handle was sent by the end of the task only if that was
                    # still to come; one that is added afterwards is sent by whoever added it.
                    learn_end(self._args[0])
        except BaseException as error:
            lost("callback", error)
            local.s = before
            state = None
        if state is None:  # the loop's own, or nobody knows whose
            callback = task = None
            original(self)
            return
        try:
            original(self)
        finally:
            if once if task is None else task._state != _PENDING:
                ended(state)
            local.s = before
            if len(buffer) > limit:
                recorder.flush()
            # As the original does: the traceback of what a task raised leads to this frame.
            self = task = callback = None

    return _run


# ---------------------------------------------------------------- loops


def create_task(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``create_task`` of a loop: who makes a task forks it."""
    status = recorder.status

    def make(self: Any, coro: Any, **kwargs: Any) -> Any:
        if not status.active:
            task = original(self, coro, **kwargs)
        else:
            task = original(self, coro, **kwargs)
            # Only now has it a name.  It has not begun, for the loop runs on this thread; one that
            # is eager has its actor already.
            _fork(task)
        if issubclass(type(task), task_types()) and task._source_traceback:
            _forget_our_frames(task)
        return task

    return make


def _fork(task: Any) -> None:
    try:
        state = getattr(task, ATTRIBUTE, None)
        if type(state) is not recorder.State:
            state = adopt(task)
            recorder.fork_actor(state, depth=3)
            if issubclass(type(task), task_types()) and task._state != _PENDING:
                # An eager one of a class that is not ours: whoever made it has run it, too.
                recorder.emit((state.tok, state.actor << ops.OP_BITS | ops.END, None, None))
                state.tok += 1
    except BaseException as error:  # the task exists, whatever goes wrong here
        lost("create_task", error)


def _forget_our_frames(task: Any) -> None:
    task._source_traceback[:] = [
        frame for frame in task._source_traceback if frame.filename != __file__
    ]


def run_forever(original: Callable[..., None]) -> Callable[..., None]:
    """Wrap ``run_forever`` of a loop: when it returns, its thread knows who has ended."""

    def run(self: Any) -> None:
        try:
            original(self)
        finally:
            if recorder.status.active:
                _thread_resumes()

    return run


def _thread_resumes() -> None:
    """The loop has stopped: its thread goes on, and knows who has ended."""
    try:
        recorder.switch_to(recorder.current())
        over = recorder.local.__dict__.pop("ended", ())
        for actor in over:
            recorder.sync(ops.JOIN, actor)
    except BaseException as error:  # the program's loop has stopped, whatever fails here
        lost("run_forever", error)


def _connecting(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Wrap what makes a transport: it returns after ``connection_made`` of the protocol."""
    learn = contained(lambda made: learn_end(made[0]), "connection")

    async def connect(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = await original(self, *args, **kwargs)
        if recorder.status.active:
            learn(made)
        return made

    return connect


EVENTS = (around("Handle.__init__", _handle_init), around("Handle._run", handle_run))
BASE_EVENTS = (
    around("BaseEventLoop.create_task", create_task),
    around("BaseEventLoop.run_forever", run_forever),
    *(
        around(f"BaseEventLoop.{name}", _connecting)
        for name in (
            "create_connection",
            "create_datagram_endpoint",
            "connect_accepted_socket",
            "connect_read_pipe",
            "connect_write_pipe",
            "subprocess_exec",
            "subprocess_shell",
        )
    ),
)
UNIX_EVENTS = (around("_UnixSelectorEventLoop.create_unix_connection", _connecting, optional=True),)
