"""trio._threads: jobs in worker threads, and the way back into the run.

Emits: fork of a job when a worker is given it, its end, and the join when its caller goes on; send
and receive for ``from_thread.run`` and ``run_sync``, there and back; for ``run_sync_soon`` an actor
for each callback, and a message from who asked for it.

Which worker runs a job is chance.  Who waits for one until it has ended does nothing else: unlike
one that may be abandoned, such a job is protected by the locks of its caller.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder
from raceway.record.callables import FUNCTION, METHOD, name_of, unwrapped
from raceway_autopatch.patches.trio.locks import returning
from raceway_autopatch.patches.trio.runs import CALLBACKS, REPLIES, REQUESTS, Task, protected
from raceway_autopatch.patching import around, contained, replace

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from raceway.record.recorder import State

    Async = Callable[..., Awaitable[Any]]
    Plain = Callable[..., Any]

_HASH = (1 << 55) - 1
_THREADS = "trio._threads"
_DELIVERS = "report_back_in_trio_thread_fn"
"""The function of trio that wakes who waits for a job."""

_status = recorder.status


# ---------------------------------------------------------------- jobs


class Call:
    """A call of ``to_thread.run_sync``.

    Attributes:
        function: What is to run.
        kind: ``job`` if it may be abandoned, else ``call``.
        job: What runs, as soon as a worker has it.
        limiter: The limiter of one token that the job has.
    """

    __slots__ = ("function", "job", "kind", "limiter")

    def __init__(self, function: Any, kind: str) -> None:
        self.function = function
        self.kind = kind
        self.job: _Job | None = None
        self.limiter: Any = None

    def is_told(self, task: State) -> None:
        """Record that the task, which does not run, will know that the job has ended."""
        if self.job is not None and self.job.over:
            before = recorder.install(task)
            recorder.sync(ops.JOIN, self.job.state.actor)
            recorder.install(before)


class _Job:
    """A function on its way to a worker thread, and what tells of its end there."""

    def __init__(self, function: Any, deliver: Any, name: str, kind: str, *, silent: bool) -> None:
        self._function = function
        self._deliver = deliver
        self._silent = silent
        self.over = False
        self.state = recorder.new_state(f"worker ({name})", kind)
        recorder.fork_actor(self.state)

    def run(self) -> Any:
        before = recorder.install(self.state)
        try:
            return self._function()
        finally:
            if self._silent:
                self._ends()  # before anybody is told
            recorder.install(before)
            del self._function  # what it refers to may be waited for

    def deliver(self, result: Any) -> Any:
        if self._silent:
            return self._deliver(result)
        before = recorder.install(self.state)
        try:
            return self._deliver(result)
        finally:
            self._ends()
            recorder.install(before)

    @contained
    def _ends(self) -> None:
        recorder.sync(ops.END, self.state.actor)
        self.over = True


def _start_thread_soon(original: Plain) -> Plain:
    make = contained(_make, "trio worker")

    def start_thread_soon(self: Any, fn: Any, deliver: Any, *args: Any, **kwargs: Any) -> Any:
        job = make(fn, deliver) if _status.active else None
        if job is None:
            return original(self, fn, deliver, *args, **kwargs)
        return original(self, job.run, job.deliver, *args, **kwargs)

    return start_thread_soon


def _make(function: Any, deliver: Any) -> _Job | None:
    state = recorder.current()
    module = getattr(deliver, "__module__", "")
    if module == _THREADS and type(state) is Task and state.calls:
        call = state.calls[-1]
        call.job = _Job(function, deliver, _name(call.function), call.kind, silent=True)
        return call.job  # type: ignore[no-any-return]
    if str(module).startswith("trio."):  # a guest run waits for the system
        return None
    return _Job(function, deliver, name_of(function), "job", silent=False)


def _name(function: Any) -> str:
    """Return the name of what a call runs; anyio wraps it."""
    if type(function) is FUNCTION and function.__module__ == "anyio._backends._trio":
        names, cells = function.__code__.co_freevars, function.__closure__
        if cells is not None and "func" in names:
            return str(name_of(cells[names.index("func")].cell_contents))
    return str(name_of(function))


def _run_sync(original: Async) -> Async:
    begin = contained(_begin, "trio.to_thread")
    end = contained(_end, "trio.to_thread")

    async def to_thread_run_sync(sync_fn: Any, *args: Any, **kwargs: Any) -> Any:
        state = begin(sync_fn, kwargs) if _status.active else None
        if state is None:
            return await original(sync_fn, *args, **kwargs)
        try:
            return await original(sync_fn, *args, **kwargs)
        finally:
            end(state)

    return protected(to_thread_run_sync)  # type: ignore[no-any-return]


def _under_another_name(original: Any) -> Any:
    """Return what the other modules took from where it is made, perhaps before it was patched."""
    return getattr(sys.modules.get(_THREADS), "to_thread_run_sync", original)


def _begin(function: Any, options: dict[str, Any]) -> State | None:
    state = recorder.current()
    if type(state) is not Task:
        return None
    abandoned = options.get("abandon_on_cancel", options.get("cancellable", False))
    # Compared, not asked for its truth: that is the program's code.
    state.calls.append(Call(function, "call" if abandoned is False else "job"))
    return state


def _end(state: Task) -> None:
    call = state.calls[-1]
    if call.limiter is not None:
        returning(call.limiter, state)  # unless that was when the job ended: it was abandoned
    state.calls.pop()
    if call.job is not None and call.job.over:  # else it was abandoned
        recorder.sync(ops.JOIN, call.job.state.actor)


# ---------------------------------------------------------------- from a thread into the run


def _send_message(original: Plain) -> Plain:
    ask = contained(_ask, "trio.from_thread")
    told = contained(_told, "trio.from_thread")

    def _send_message_to_trio(trio_token: Any, message_to_trio: Any) -> Any:
        if not _status.active:
            return original(trio_token, message_to_trio)
        ask(message_to_trio)
        try:
            return original(trio_token, message_to_trio)
        finally:
            told(message_to_trio)

    return _send_message_to_trio


def _ask(message: Any) -> None:
    recorder.sync(ops.HANDOFF, id(message) | REPLIES)  # what a dead message had sent counts no more
    recorder.sync(ops.HANDOFF, id(message) | REQUESTS)


def _told(message: Any) -> None:
    recorder.sync(ops.RECEIVE, id(message) | REPLIES)


@contained
def _asked(message: Any) -> None:
    recorder.sync(ops.RECEIVE, id(message) | REQUESTS)


@contained
def _answers(message: Any) -> None:
    recorder.sync(ops.HANDOFF, id(message) | REPLIES)


def _run_async_call(original: Async) -> Async:
    async def unprotected_afn(self: Any) -> Any:
        if not _status.active:
            return await original(self)
        _asked(self)
        try:
            return await original(self)
        finally:
            _answers(self)

    return unprotected_afn


def _run_call(original: Plain) -> Plain:
    def unprotected_fn(self: Any) -> Any:
        if not _status.active:
            return original(self)
        _asked(self)
        try:
            return original(self)
        finally:
            _answers(self)

    return unprotected_fn


# ---------------------------------------------------------------- callbacks


class _Callback:
    """A function that the run is to call; equal to others of the same function, as that is."""

    __slots__ = ("_channel", "function")

    def __init__(self, function: Any, channel: int) -> None:
        self.function = function
        self._channel = channel

    def __call__(self, *args: Any) -> Any:
        if not _status.active:
            return self.function(*args)
        before = self._begins()
        try:
            return self.function(*args)
        finally:
            self._ends(before)

    @contained
    def _begins(self) -> State:
        before = recorder.current()
        name = name_of(unwrapped(self.function), "__qualname__")
        state = recorder.new_state(name, "callback", before.group)
        recorder.install(state)
        recorder.switch_to(state)
        recorder.sync(ops.RECEIVE, self._channel)
        return before

    @contained
    def _ends(self, before: State | None) -> None:
        if before is not None:
            recorder.sync(ops.END, recorder.current().actor)
            recorder.install(before)

    def __eq__(self, other: object) -> bool:
        return type(other) is _Callback and bool(self.function == other.function)

    def __hash__(self) -> int:
        return hash(self.function)

    def __repr__(self) -> str:
        return repr(self.function)


def _run_sync_soon(original: Plain) -> Plain:
    make = contained(_new_callback, "TrioToken.run_sync_soon")

    def run_sync_soon(self: Any, sync_fn: Any, *args: Any, **kwargs: Any) -> Any:
        function = make(sync_fn, args, kwargs) if _status.active else None
        return original(self, sync_fn if function is None else function, *args, **kwargs)

    return run_sync_soon


def _new_callback(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if type(function) is FUNCTION and function.__name__ == _DELIVERS:
        return None  # it wakes a task, which knows by itself what it waited for
    if type(function) not in (FUNCTION, METHOD) and not callable(function):
        return None
    if options.get("idempotent"):
        # Trio may call once for several requests.
        channel = hash((function, args)) & _HASH | CALLBACKS
        recorder.sync(ops.SEND, channel)
    else:
        channel = recorder.next_channel()
        recorder.sync(ops.HANDOFF, channel)
    return _Callback(function, channel)


WORKERS = (around("ThreadCache.start_thread_soon", _start_thread_soon, optional=True),)
TOKEN = (around("TrioToken.run_sync_soon", _run_sync_soon, optional=True),)
PATCHES = (
    around("to_thread_run_sync", _run_sync, optional=True),
    around("_send_message_to_trio", _send_message, optional=True),
    around("Run.unprotected_afn", _run_async_call, optional=True),
    around("RunSync.unprotected_fn", _run_call, optional=True),
)
BY_NAME = (replace("run_sync", _under_another_name, optional=True),)
