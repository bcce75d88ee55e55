"""What the processes of a run share: names for it, the time of what is done with it, their birth.

Each process numbers its locks, channels, variables and actors for itself.  What is the same thing
in several processes gets a name that travels with it; and since their logs know nothing of each
other, each op on it is preceded by the time of the machine's monotonic clock: taken after what
waits (an acquire, a receive), and before what lets others go on (a release, a send).

Source: the clock is that of ``clock_gettime(CLOCK_MONOTONIC)``, which all processes read alike.
"""

from __future__ import annotations

import itertools
import os

from raceway.model import ops
from raceway.model.ops import OP_BITS, TIME
from raceway.record import recorder
from raceway.record.recorder import BUFFER, CHUNK_ITEMS, State, emit, flush, local, monotonic_ns

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

_serial = itertools.count(1).__next__
_channels: dict[str, int] = {}
_locks: dict[str, int] = {}


def unique() -> str:
    """Return a name that nothing else has in this run."""
    return f"{os.getpid()}-{monotonic_ns()}-{_serial()}"


def channel(name: str) -> int:
    """Return this process's number of the channel that is known as ``name`` everywhere."""
    number = _channels.get(name)
    if number is None:
        number = recorder.next_channel()
        recorder.define((ops.DEF_SHARED, "channel", number, name))
        _channels[name] = number
    return number


def forget_channel(name: str) -> None:
    """Drop a channel that this process will not use again."""
    _channels.pop(name, None)


def lock(name: str, kind: str = "", frame: FrameType | None = None) -> int:
    """Return this process's number of the lock that is known as ``name`` everywhere.

    Args:
        name: Its name.
        kind: For who makes it: ``Lock``, ``RLock`` ...
        frame: Where it is made.
    """
    number = _locks.get(name)
    if number is None:
        number = recorder.next_lock()
        recorder.define((ops.DEF_SHARED, "lock", number, name))
        if frame is not None:
            recorder.define((ops.DEF_LOCK, number, kind, "", frame.f_code, frame.f_lasti))
        _locks[name] = number
    return number


def forget_lock(name: str) -> None:
    """Drop a lock that this process will not use again."""
    _locks.pop(name, None)


def sync(op: int, subject: int, argument: Any = None, *, time: int = 0) -> None:
    """Record a synchronisation op that concerns other processes; see :func:`recorder.sync`.

    Args:
        op: What happened.
        subject: Channel, lock or actor.
        argument: What belongs to the op.
        time: When it happened, if that is not now.
    """
    try:
        state: State = local.s
    except AttributeError:
        state = recorder.current()
    token = state.tok
    emit(
        (token, TIME, None, time or monotonic_ns(), token, subject << OP_BITS | op, None, argument)
    )
    state.tok += 1
    if len(BUFFER) > CHUNK_ITEMS:
        flush()


# ---------------------------------------------------------------- the birth of a process


class Birth:
    """A process that is about to begin; goes from the parent to the child.

    Attributes:
        name: Name of the child's main actor in all logs.
        title: What a report calls the process.
        time: When it was started.
    """

    __slots__ = ("actor", "name", "time", "title")

    def __init__(self, title: str) -> None:
        self.name = unique()
        self.title = title
        self.time = monotonic_ns()
        self.actor = 0


def give_birth(title: str, depth: int = 2) -> Birth:
    """Record that who runs here is about to start a process.

    Args:
        title: Name of the process.
        depth: Frames up from here where to begin to look for the user's code.
    """
    birth = Birth(title)
    child = recorder.new_state(title, "process")
    birth.actor = child.actor
    recorder.define((ops.DEF_SHARED, "actor", child.actor, birth.name))
    state = recorder.current()
    frame = recorder.user_frame(depth + 1)
    recorder.note_caller(state, frame.f_back)
    emit(
        (
            state.tok, TIME, None, birth.time,
            state.tok, child.actor << OP_BITS | ops.FORK, frame.f_code, frame.f_lasti,
        )
    )  # fmt: skip
    state.tok += 1
    return birth


def be_born(name: str, title: str, time: int) -> None:
    """Become the main actor of a process that another one has started.

    Args:
        name: See :class:`Birth`.
        title: See :class:`Birth`.
        time: See :class:`Birth`.
    """
    _born[os.getpid()] = name
    before: State | None = local.__dict__.get("s")
    told = 0
    if before is not None:  # what was imported until now happened before
        told = recorder.next_channel()
        recorder.sync(ops.SEND, told)
    actor = recorder.next_actor()
    recorder.define((ops.DEF_SHARED, "main", actor, name))
    recorder.define((ops.DEF_ACTOR, actor, title, "process", actor))
    local.s = local.thread = state = State(actor, actor)
    # Right after the start: what the parent did until then is in its log.
    emit((state.tok, TIME, None, time + 1))
    if told:
        recorder.sync(ops.RECEIVE, told)


def born_as() -> str:
    """Return the name with which this process was born; nothing if no parent has told."""
    return _born.get(os.getpid(), "")


_born: dict[int, str] = {}
"""By process id: the children of a fork inherit this."""


def ended(actor: int, pid: int, status: int, title: str) -> None:
    """Record that who runs here knows that a child process has ended, unless by chance.

    Args:
        actor: The child's main actor, as :class:`Birth` numbers it.
        pid: Its process id.
        status: Its exit status, or the negative number of the signal that killed it.
        title: See :class:`Birth`.
    """
    if not getattr(local, "by_chance", False):
        sync(ops.JOIN, actor)
    if status < 0:
        recorder.define((ops.DEF_REAPED, pid, status, title))


def by_chance(is_so: bool) -> bool:
    """Let this thread learn of the ends of processes by chance, or not; return what was so.

    Whoever has not asked whether a process has ended cannot rely on it: that gives no order.
    """
    before: bool = getattr(local, "by_chance", False)
    local.by_chance = is_so
    return before


# ---------------------------------------------------------------- os.fork


def announce(birth: Birth | None) -> Birth | None:
    """Let the next fork of this thread be the birth of ``birth``; return what was there before."""
    before: Birth | None = getattr(local, "birth", None)
    local.birth = birth
    return before


def forking() -> Birth:
    """Record that this thread is about to fork."""
    birth: Birth | None = getattr(local, "birth", None)
    return birth if birth is not None else give_birth("", 3)


def forked(birth: Birth) -> None:
    """Go on as the child of a fork."""
    be_born(birth.name, birth.title or f"process {os.getpid()}", birth.time)
