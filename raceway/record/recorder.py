"""The recorder: one flat list of ops, and the actors that append to it.

Everything that happens in the application's threads ends in one call of :data:`emit`.  There is
no lock of ours, no I/O, no clock and no formatting on that way, and it is safe when a finaliser
or a signal handler enters it again in the middle: each op is one atomic ``list.extend``.

Order is part of correctness.  Under the GIL the list is in the true order of the accesses as long
as *no call lies between the access and its record*: the interpreter hands the GIL over after
calls and at backward jumps only.  Every function that records an access is written that way:
look everything up, access, append.  Where the access is itself a call (containers), the record
comes first, by ``BUFFER += (...)``, which is no call either.  On free-threaded builds
``list.extend`` is still atomic, the order between threads is then approximate.

No helper thread moves the ops on: a thread of ours would be visible to the program (``os.fork``
warns about it, gevent must not find it).  The thread that fills a chunk writes it out (one
pass over it and one append to a file, about 20 ns for each op of the chunk), and so do the
places where a program pauses or ends: thread end, request end, process exit, fork and exec.
"""

from __future__ import annotations

import _thread
import itertools
import os
import sys
import time

from raceway.model import ops
from raceway.record.accelerator import accelerator
from raceway.record.callables import code_of

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any, Protocol

    class Sink(Protocol):
        """Where chunks go."""

        def write(self, chunk: list[Any], definitions: list[tuple[Any, ...]]) -> None:
            """Take a chunk of ops, which is the sink's from now on, and what defines them."""

        def after_fork(self) -> None:
            """Become the sink of a forked child: forget what belongs to the parent."""


_MESSAGE_LIMIT = 1000
CHUNK_ITEMS = 4096 * ops.STRIDE
"""Length of the buffer at which whoever notices cuts a chunk off."""
LOOK_EVERY = 64
"""Ops of one attribute after which its getter looks how long the buffer is: each time costs 4 %."""
DEFINITIONS_KEPT = 4096
"""The same for definitions: a program can make a million locks and never take one."""
STACK_DEPTH = 10
"""Frames of a call stack that are kept, innermost first."""

PATIENCE_ITEMS = 16 * CHUNK_ITEMS
"""Length of the buffer at which a log that cannot be written is given up."""

EXIT_SECONDS = 2.0
"""Longest time that the end of a process waits for another thread to finish a chunk."""
READ_SECONDS = 10.0
"""Longest time that a thread is held up while another one reads what was recorded."""

BUFFER: Any = [] if accelerator is None else accelerator.buffer
emit: Callable[[Any], None] = BUFFER.extend
DEFINITIONS: list[tuple[Any, ...]] = []
define: Callable[[tuple[Any, ...]], None] = DEFINITIONS.append
"""For what is defined now and then; :func:`define_one_more` for what a program makes many of."""

next_actor: Callable[[], int] = itertools.count(1).__next__
next_variable: Callable[[], int] = itertools.count(1).__next__
next_lock: Callable[[], int] = itertools.count(1).__next__
next_channel: Callable[[], int] = itertools.count(1).__next__

monotonic_ns = time.monotonic_ns
_sleep = time.sleep  # gevent's would let others run while the process ends

# The native class, taken before gevent can replace it: the state belongs to the OS thread, and
# whoever switches tasks or greenlets on that thread installs theirs.
local: Any = _thread._local() if accelerator is None else accelerator.local


class State:
    """An actor as the recorder sees it: its next token, and the callers it was last seen under."""

    __slots__ = (
        "__weakref__", "above", "above_offset", "actor", "caller", "group", "offset", "tok",
    )  # fmt: skip

    def __init__(self, actor: int, group: int) -> None:
        self.actor = actor
        self.group = group
        self.tok = actor << ops.EPOCH_BITS
        self.caller: CodeType | None = None
        self.offset = -2  # no frame has this offset: the first op always notes its stack
        # The caller's caller: looked at where a critical section begins, not at each access.
        self.above: CodeType | None = None
        self.above_offset = -1


class _Status:
    """What can change about the recorder; one object, so that hot code can hold on to it."""

    __slots__ = (
        "active", "after_flush", "broken", "errors", "lost", "pending", "pid", "reader", "retry_at",
        "sink", "stopped", "turn",
    )  # fmt: skip

    def __init__(self) -> None:
        self.active = False
        self.sink: Sink | None = None
        self.turn: dict[str, tuple[int, object]] = {}
        """Who flushes, while somebody does: thread, and an object that is its alone."""
        self.pending: tuple[list[Any], list[tuple[Any, ...]]] | None = None
        """A chunk that was cut off and not written yet."""
        self.retry_at = 0
        """Length of the buffer before which it makes no sense to try to write again."""
        self.broken = ""
        """Why nothing is written any more; nothing while it is."""
        self.lost = 0
        """Ops that were recorded since then."""
        self.errors: dict[str, tuple[int, str]] = {}
        """What of ours has failed: how often, and the first time with what."""
        self.after_flush: Callable[[], None] | None = None
        self.pid = 0
        self.reader = 0
        """The thread that reads what was recorded, while one of this process does."""
        self.stopped = False


status = _Status()


def is_active() -> bool:
    """Return whether somebody wants the ops."""
    return status.active


def start(sink: Sink | str, *, main_thread: int = 0) -> None:
    """Begin to record.

    Args:
        sink: Where chunks go, or the path of a run directory, into which an op log is written.
        main_thread: Identity of the main thread; by default, this module was imported there.
    """
    global _main_thread
    if main_thread:
        _main_thread = main_thread
    if isinstance(sink, str):
        from raceway.record.oplog import OpLog

        sink = OpLog(sink)
    if status.stopped:
        status.stopped = False
        _forget()  # what came after an earlier recording
    status.sink = sink
    status.pid = os.getpid()
    status.broken = ""
    status.lost = status.retry_at = 0
    if not status.active:
        status.active = True
        _watch_forks()


def stop() -> None:
    """Write out what is there and stop; patched objects that live on record into nothing."""
    flush()
    status.stopped = status.active
    status.active = False
    status.sink = None


def define_one_more(definition: tuple[Any, ...]) -> None:
    """Define one of possibly many, and write out what is there if it has become much."""
    define(definition)
    if len(DEFINITIONS) > DEFINITIONS_KEPT:
        flush()


# ---------------------------------------------------------------- actors


def new_state(name: str = "", kind: str = "thread", group: int = 0) -> State:
    """Make an actor.

    Args:
        name: What a report calls it.
        kind: ``thread``, ``task``, ``callback``, ``greenlet``, ``job``, or ``call`` for a job whose
            caller does nothing until it has ended: the caller's locks protect it, too.
        group: Actor id of the thread whose cooperative actors it takes turns with; 0 for a group
            of its own.

    Returns:
        Its state, not installed anywhere.
    """
    actor = next_actor()
    state = State(actor, group or actor)
    try:
        define_one_more((ops.DEF_ACTOR, actor, name, kind, state.group))
    except BaseException as error:
        lost("actor", error)
    return state


nobody = State(0, 0)
"""Stands for an actor that could not be made."""


def current() -> State:
    """Return the state of whoever runs on this thread, making one for a thread never seen."""
    try:
        state: State = local.s
    except AttributeError:
        state = _first_seen()
    return state


def _first_seen() -> State:
    """Make the actor of this thread."""
    try:
        state = local.s = local.thread = new_state(_thread_name())
    except BaseException as error:
        lost("actor", error)
        state = nobody
    return state


def thread_state() -> State:
    """Return the state of this OS thread itself, whichever task or greenlet it is running."""
    try:
        state: State = local.thread
    except AttributeError:
        state = current()
        state = getattr(local, "thread", state)
    return state


def _thread_name() -> str:
    """Name this thread without creating a dummy thread object in ``threading``."""
    threading = sys.modules.get("threading")
    ident = _thread.get_ident()
    if threading is not None:
        thread = getattr(threading, "_active", {}).get(ident)
        if thread is not None:
            return str(getattr(thread, "_name", "")) or f"thread {ident}"
        main = getattr(threading, "_main_thread", None)
        if getattr(main, "_ident", None) == ident:
            return "MainThread"
    elif status.pid and ident == _main_thread:
        return "MainThread"
    return f"thread {ident}"


_main_thread = _thread.get_ident()


def install(state: State) -> State:
    """Let ``state`` be who runs on this thread, and return who did before."""
    before = current()
    local.s = state
    return before


# ---------------------------------------------------------------- stacks and sites


def note_stack(state: State, frame: FrameType | None) -> None:
    """Record that ``state`` is now called from ``frame``, innermost first; never fails."""
    try:
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
        token = state.tok
        if frame is None:
            state.caller = None
            state.offset = -1
            emit((token, ops.FRAME, None, -1))
            return
        state.caller = frame.f_code
        state.offset = frame.f_lasti
        above = frame.f_back
        state.above = above.f_code if above is not None else None
        state.above_offset = above.f_lasti if above is not None else -1
        records: list[Any] = []
        depth = 0
        walker: FrameType | None = frame
        while walker is not None and depth < STACK_DEPTH:
            depth += 1
            records += (token, depth << ops.OP_BITS | ops.FRAME, walker.f_code, walker.f_lasti)
            walker = walker.f_back
        emit(records)
    except BaseException as error:
        lost("call stack", error)


def note_caller(state: State, frame: FrameType | None) -> None:
    """Record the stack from ``frame`` on if it is not the one that was recorded last."""
    if frame is None:
        if state.offset != -1:
            note_stack(state, None)
    elif frame.f_code is not state.caller or frame.f_lasti != state.offset:
        note_stack(state, frame)


def site(depth: int = 2) -> tuple[State, CodeType, int]:
    """Look up who runs and where, for the functions that are not worth inlining this.

    Args:
        depth: Frames up from here: 2 is the caller of the function that asks.

    Returns:
        State, code object and instruction offset; the stack is noted when it changed.
    """
    try:
        state: State = local.s
    except AttributeError:
        state = current()
    frame = sys._getframe(1)
    for _ in range(depth - 1):
        frame = frame.f_back or frame  # our caller may itself be the bottom of a thread
    note_caller(state, frame.f_back)
    return state, frame.f_code, frame.f_lasti


LIBRARY_MODULES = frozenset(
    {
        "threading", "queue", "concurrent.futures.thread", "concurrent.futures._base",
        "concurrent.futures.process", "asyncio.base_events", "asyncio.tasks", "asyncio.events",
        "asyncio.runners", "asyncio.taskgroups", "asyncio.threads", "asyncio.locks",
        "asyncio.queues", "asyncio.timeouts", "asyncio.futures", "asyncio.mixins",
        "asyncio.unix_events", "asyncio.selector_events", "asyncio.streams", "contextlib",
        "asyncio.base_subprocess", "socketserver", "http.server", "werkzeug.serving",
        "gevent.greenlet", "gevent.pool", "gevent.thread", "gevent.baseserver", "gevent.pywsgi",
        "gevent.threadpool", "trio._core._run", "trio._core._generated_run",
        "trio._core._instrumentation", "trio._core._entry_queue", "trio._core._thread_cache",
        "trio._sync", "trio._channel", "trio._threads", "outcome._impl", "anyio._backends._trio",
    }
)  # fmt: skip
"""Modules whose frames are not where a user would say that an actor was started."""


_STEPPED_OVER = ("raceway.", "raceway_autopatch", "multiprocessing.")


def user_frame(depth: int = 2) -> FrameType:
    """Return the nearest frame outside the libraries that start actors."""
    frame = sys._getframe(depth)
    first = frame
    walker: FrameType | None = frame
    while walker is not None:
        name = walker.f_globals.get("__name__")
        if type(name) is not str or not (name in LIBRARY_MODULES or name.startswith(_STEPPED_OVER)):
            return walker
        walker = walker.f_back
    return first


# ---------------------------------------------------------------- synchronisation


def sync(op: int, subject: int, argument: Any = None) -> None:
    """Record a synchronisation op of whoever runs here; its epoch goes up.

    Args:
        op: SEND, RECEIVE, HANDOFF, JOIN, END, NOTIFY ... (:mod:`raceway.model.ops`).
        subject: Channel, lock or actor.
        argument: Scalar or tuple of scalars that belongs to the op.
    """
    try:
        try:
            state: State = local.s
        except AttributeError:
            state = current()
        emit((state.tok, subject << ops.OP_BITS | op, None, argument))
        state.tok += 1
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
    except BaseException as error:
        lost("synchronisation", error)


def failed(error: BaseException) -> None:
    """Record that nobody has caught ``error``, which ends whoever runs here."""
    try:
        if not isinstance(error, (SystemExit, KeyboardInterrupt)):
            sync(ops.EVENT, ops.EVENT_FAILED, described(error))
    except BaseException as problem:
        lost("error", problem)


def described(error: BaseException) -> tuple[str, str, str]:
    """Return class and message of an exception, and the place that raised it."""
    where = "unknown:0"
    traceback = error.__traceback__
    while traceback is not None:
        where = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    try:
        message = str.__str__(str(error))[:_MESSAGE_LIMIT]
    except Exception:  # the application's class
        message = ""
    return type(error).__qualname__, message, where


def sync_site(op: int, subject: int, depth: int = 2) -> None:
    """Like :func:`sync`, for ops that say where they happened: locks."""
    try:
        state, code, offset = site(depth + 1)
        emit((state.tok, subject << ops.OP_BITS | op, code, offset))
        state.tok += 1
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
    except BaseException as error:
        lost("synchronisation", error)


def fork_actor(child: State, depth: int = 2) -> None:
    """Record that whoever runs here is about to start ``child``.

    Args:
        child: The new actor; call this before it can run.
        depth: Frames up from here where to begin to look for the user's code.
    """
    try:
        state = current()
        frame = user_frame(depth + 1)
        note_caller(state, frame.f_back)
        emit((state.tok, child.actor << ops.OP_BITS | ops.FORK, frame.f_code, frame.f_lasti))
        state.tok += 1
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
    except BaseException as error:
        lost("fork", error)


def switch_to(state: State) -> None:
    """Record that the cooperative actor ``state`` has begun to run on this thread again."""
    try:
        state.tok += 1
        emit((state.tok, ops.SWITCH, None, None))
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
    except BaseException as error:
        lost("switch", error)


def might_switch() -> None:
    """Record that whoever runs here awaited what it has just received, and did not have to wait.

    If that was news, it could as well have come later, with others running meanwhile.
    """
    state = current()
    state.tok += 1
    emit((state.tok, 1 << ops.OP_BITS | ops.SWITCH, None, None))


def note(text: str) -> None:
    """Add a sentence about something that could not be seen to the end of the report."""
    define((ops.DEF_NOTE, text))


# ---------------------------------------------------------------- chunks


def flush() -> None:
    """Cut the buffer off and hand it to the sink.

    Whoever finds another thread (or, in a finaliser or signal handler, itself) at it, goes on:
    the ops stay in the buffer for the next time.
    """
    if len(BUFFER) >= status.retry_at:
        if status.reader:
            _let_read()
        _flush_within(0)


def _let_read() -> None:
    """Wait while another thread reads: who records faster than it reads would never be read."""
    deadline = time.monotonic() + READ_SECONDS
    while status.reader not in {0, _thread.get_ident()} and time.monotonic() < deadline:
        _sleep(0.001)


def write_out() -> None:
    """Hand over everything, also while another thread is at it: somebody is about to read it."""
    _flush_within(EXIT_SECONDS)
    if DEFINITIONS or BUFFER:  # what an interrupted flush had left came first
        _flush_within(EXIT_SECONDS)


def _flush_within(seconds: float) -> None:
    me = (_thread.get_ident(), object())
    deadline = time.monotonic() + seconds
    try:
        while not (_take_turn(me) and _hand_over(me)):
            if time.monotonic() >= deadline:
                return
            _sleep(0.005)
    except BaseException as error:
        lost("flush", error)
    finally:
        # No call between the two steps: a signal handler could take the turn over, end it, and
        # leave it to another thread.
        turn = status.turn
        if "flush" in turn and turn["flush"] is me:
            del turn["flush"]
            waiting, status.after_flush = status.after_flush, None
            if waiting is not None:
                waiting()


def _take_turn(me: tuple[int, object]) -> bool:
    """Become the one that flushes, if nobody else is.

    One atomic step of a dict and no lock: a signal handler of the program can raise between the
    return of ``acquire()`` and whatever would note that the lock is taken.
    """
    holder = status.turn.setdefault("flush", me)
    if holder is me:
        return True
    if holder[0] != me[0]:
        return False
    # This thread: either it is at it, further down this stack, or a handler has cut it off.
    if _is_flushing():
        return False
    turn = status.turn
    if "flush" in turn and turn["flush"] is holder:  # no call in here either
        turn["flush"] = me
        return True
    return False


def _is_flushing() -> bool:
    """Tell whether whoever asks has interrupted a flush of this thread."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code is _hand_over.__code__:
            return True
        frame = frame.f_back
    return False


def after_flush(action: Callable[[], None]) -> bool:
    """Let ``action`` wait for the flush that this thread is in the middle of.

    Args:
        action: What a signal handler wants to do, such as to end the process.

    Returns:
        False if there is no such flush: then nothing was done.
    """
    if not _is_flushing():
        return False
    status.after_flush = action
    return True


def _hand_over(me: tuple[int, object]) -> bool:
    """Write a chunk; False if somebody else had a turn between ours and this function.

    A signal handler that finds this function on its stack leaves the turn alone.
    """
    if status.turn.get("flush") is not me:
        return False
    if status.broken or status.pid != os.getpid():
        # Or a fork that told nobody: what is in the buffer is the parent's, and there as well.
        status.lost += len(BUFFER) // ops.STRIDE
        BUFFER.clear()
        DEFINITIONS.clear()
        return True
    if status.pending is None:
        now = monotonic_ns()  # before the cut: all that happened until then is in the chunk
        length = len(BUFFER)
        # In C, what goes into the log need not become objects.
        chunk = BUFFER.first(length) if _is_packed_in_c() else BUFFER[:length]
        # Definitions are appended before the first op that needs them: taken after the ops were
        # cut, they are complete.
        count = len(DEFINITIONS)
        definitions = DEFINITIONS[:count]
        if not chunk and not definitions:
            return True
        definitions.append((ops.DEF_CUT, now))
        # Kept until the sink has taken them: what interrupts us must not lose them.
        status.pending = (chunk, definitions)
        del BUFFER[:length]
        del DEFINITIONS[:count]
    chunk, definitions = status.pending
    if status.sink is not None:
        try:
            status.sink.write(chunk, definitions)
        except Exception as error:
            if not is_ours(error):
                raise
            if len(BUFFER) >= PATIENCE_ITEMS or not _is_reachable():
                _give_up(error)
                _end_log()
            else:
                status.retry_at = len(BUFFER) + CHUNK_ITEMS
            if not isinstance(error, OSError):  # the machine's troubles are no error of ours
                raise
            return True
    status.pending = None
    status.retry_at = 0
    return True


def _is_packed_in_c() -> bool:
    return accelerator is not None and getattr(status.sink, "takes_buffers", False)


def _is_reachable() -> bool:
    reachable = getattr(status.sink, "reachable", None)
    return reachable is None or reachable()


def _give_up(error: Exception) -> None:
    """End the log here.

    A process may be out of descriptors for a while, so it is tried several times.  But a chunk that
    is missing in the middle would be an order that is missing: nothing after it could be judged.
    """
    chunk = status.pending[0] if status.pending is not None else ()
    status.broken = getattr(error, "strerror", None) or type(error).__name__
    status.lost = (len(chunk) + len(BUFFER)) // ops.STRIDE
    status.pending = None
    status.retry_at = 0
    BUFFER.clear()
    DEFINITIONS.clear()


def _end_log() -> None:
    """Let nobody wait for what this log will not have; it is tried once more at the very end."""
    try:
        if status.sink is not None:
            lost = (ops.DEF_LOST, status.lost, status.broken)
            status.sink.write([], [lost, (ops.DEF_END, "lost")])
    except OSError:
        pass


def finish(how: str) -> None:
    """Write out what is there, and that the process ends now.

    Args:
        how: ``exit`` or ``exec``; a log without this belongs to a process that was killed.
    """
    if status.active:
        define((ops.DEF_END, how))
        try:
            _write_out(how)
        finally:
            close = getattr(status.sink, "close", None)
            if close is not None and how == "exit":
                close()


def _write_out(how: str) -> None:
    """Write everything; nobody comes after us."""
    # Of each kind of error only some were told when they happened.
    for where, (count, text) in tuple(status.errors.items()):
        if count & count - 1:
            define((ops.DEF_ERROR, where, text, count))
    write_out()
    if status.broken or status.retry_at:
        _last_words(how)
    if "flush" in status.errors:
        _leave_word()


def _leave_word() -> None:
    """Say beside the log what has failed: the log itself cannot."""
    leave_word = getattr(status.sink, "leave_word", None)
    if leave_word is not None:
        leave_word([(where, text, count) for where, (count, text) in tuple(status.errors.items())])


def _last_words(how: str) -> None:
    """Say in the log, if that is possible by now, that it is not complete."""
    if not status.broken:
        _give_up(OSError())
    lost = (ops.DEF_LOST, status.lost, status.broken)
    try:
        if status.sink is not None and status.pid == os.getpid():
            status.sink.write([], [lost, (ops.DEF_END, how)])
    except OSError as error:
        internal_error("log", error)
        _leave_word()  # a log that was never begun could not even lack its end


def _watch_forks() -> None:
    """Make forked children start empty; once a process, the hooks cannot be taken back."""
    global _forks_watched
    if not _forks_watched:
        _forks_watched = True
        os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


_forks_watched = False


forking: Callable[[], object] | None = None
"""What else is to be done before a fork; what it returns is given to :data:`forked`."""
forked: Callable[[Any], None] | None = None
"""What else is to be done in a forked child."""


def _before_fork() -> None:
    """Leave nothing in the buffer that the child would have to know about."""
    if status.active:
        if forking is not None:
            local.forked = forking()
        flush()


def _after_fork() -> None:
    """Forget the parent's ops; the child is a new process with a new main actor."""
    begun = local.__dict__.get("forked")
    try:
        _forget()
        define((ops.DEF_INHERITED, next_channel()))
        status.pid = os.getpid()
        if not status.active:
            return
        if _is_for_another_program():
            status.active = False
            status.sink = None
            return
        global _main_thread
        _main_thread = _thread.get_ident()
        if status.sink is not None:
            status.sink.after_fork()
    except OSError:
        if not _is_reachable():  # the run is over: a daemon's child
            status.active = False
            status.sink = None
    except BaseException as error:
        lost("fork", error)
        _leave_word()
        status.active = False
        status.sink = None
    if forked is not None and begun is not None and status.active:
        forked(begun)


def _is_for_another_program() -> bool:
    """Tell whether this is a child of ``subprocess`` in which a ``preexec_fn`` is going to run.

    No Python code sees how it goes on: it would look like a process that was killed.
    """
    frame = sys._getframe(1).f_back
    if frame is None or frame.f_code.co_name != "_execute_child":
        return False
    return frame.f_globals.get("__name__") == "subprocess"


def _forget() -> None:
    """Begin with nothing."""
    status.turn.clear()
    status.pending = None
    status.reader = 0
    status.broken = ""
    status.lost = status.retry_at = 0
    BUFFER.clear()
    DEFINITIONS.clear()
    status.errors.clear()
    local.__dict__.clear()


# ---------------------------------------------------------------- errors of ours


def lost(where: str, error: BaseException) -> None:
    """Take what an ``except`` of ours has caught: an error of ours is counted and over.

    Args:
        where: The part of Raceway that failed.
        error: What was caught.

    Raises:
        BaseException: The error itself, if it is the program's.
    """
    pass_on(error)
    internal_error(where, error)


def pass_on(error: BaseException) -> None:
    """Raise what an ``except`` of ours has caught, if it is the program's; else do nothing."""
    if not is_ours(error):
        raise error


def is_ours(error: BaseException) -> bool:
    """Tell whether an exception that came up in our code was raised there.

    A signal handler of the program runs in the middle of whatever the main thread is doing.  What
    it raises, to end a wait for example, is the program's and has to reach it.  So has what a
    thread is sent by ``PyThreadState_SetAsyncExc``, or a debugger raises to quit.
    """
    kind = type(error)
    if not issubclass(kind, Exception) and kind is not SystemExit:
        return False
    traceback = last = error.__traceback__
    nothing_called = traceback is None or traceback.tb_next is None
    handlers = () if nothing_called else _handler_codes()
    while traceback is not None:
        if traceback.tb_frame.f_code in handlers:
            return False
        last = traceback
        traceback = traceback.tb_next
    if last is None:
        return True
    by_us = _is_part_of_us(last.tb_frame.f_globals.get("__name__"))
    if kind is SystemExit:  # only what a statement of ours raises: it may be sent to a thread
        code = last.tb_frame.f_code.co_code
        return by_us and code[last.tb_lasti] == _RAISE
    # We call methods of the program (a name, a hash), and what they raise must not get out; an
    # exception of the program's own that comes up in a line of ours was sent.
    return not by_us or _is_known(str(kind.__module__))


def _is_part_of_us(module: object) -> bool:
    return str(module).partition(".")[0] in {"raceway", "raceway_autopatch"}


def _is_known(module: str) -> bool:
    """Tell whether our code could raise exceptions of a module; ``bdb`` has those that quit."""
    top = module.partition(".")[0]
    return top != "bdb" and (top in sys.stdlib_module_names or _is_part_of_us(module))


def _find_raise() -> int:
    try:
        raise SystemExit  # noqa: TRY301 - nothing else shows the number of the instruction
    except SystemExit as error:
        traceback = error.__traceback__
        return 0 if traceback is None else _find_raise.__code__.co_code[traceback.tb_lasti]


_RAISE = _find_raise()


def _handler_codes() -> set[Any]:
    import _signal  # type: ignore[import-not-found]  # what signal.py is made of; it has no stub

    codes = set()
    for number in range(1, _signal.NSIG):
        try:
            handler = _signal.getsignal(number)
        except ValueError:
            continue
        code = code_of(handler)
        if code is not None:
            codes.add(code)
    return codes


def internal_error(where: str, error: BaseException) -> None:
    """Count an error of ours, and log the first of its kind; never raise.

    Args:
        where: The part of Raceway that failed.
        error: What it raised.
    """
    try:
        if isinstance(error, RecursionError) and _is_deep(error):
            where, text = "recursion limit", "the program reached it in the middle of Raceway"
            if where not in status.errors:
                note("the program reached its recursion limit: some of it was not recorded there")
                status.errors[where] = (0, text)
            return
        count, text = status.errors.get(where, (0, ""))
        text = text or f"{type(error).__name__}: {error}"[:500]
        count += 1
        status.errors[where] = (count, text)
        if not count & count - 1:  # 1, 2, 4, 8 ...: the number is right even if we are killed
            define((ops.DEF_ERROR, where, text, count))
        # Only where the program logs anyway: importing logging would change what it sees, and
        # without a handler the message would end up in its stderr. The report has it too.
        logging = sys.modules.get("logging")
        if count == 1 and logging is not None and logging.getLogger("raceway").hasHandlers():
            logging.getLogger("raceway").warning(
                "internal error in %s, the program goes on", where, exc_info=error
            )
    except Exception:  # noqa: S110 - there is nobody left to tell
        pass


def _is_deep(error: BaseException) -> bool:
    """Tell whether the program, and not a loop of ours, has used the stack up."""
    traceback = error.__traceback__
    depth = 0
    frame = traceback.tb_frame.f_back if traceback is not None else None
    while frame is not None:
        depth += 1
        frame = frame.f_back
    # Calls from C count, too, in some versions, so that it need not be the whole.
    return depth * 3 > sys.getrecursionlimit()


if accelerator is not None:
    State = accelerator.State  # type: ignore[misc]  # the same with numbers that are no objects
    nobody = State(0, 0)
    sync = accelerator.sync
    _depths = range(1, STACK_DEPTH + 1)
    accelerator.configure(
        chunk_items=CHUNK_ITEMS,
        op_bits=ops.OP_BITS,
        frame_ops=(ops.FRAME, *(depth << ops.OP_BITS | ops.FRAME for depth in _depths)),
        recorder=globals(),
        clock=time.monotonic_ns,
        waited=ops.EVENT_WAITED << ops.OP_BITS | ops.EVENT,
    )
