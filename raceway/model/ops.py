"""The op stream: what the application's threads record, and what everything else reads.

An op is four consecutive items of one flat list::

    token, subject << OP_BITS | op, object, argument

``token`` names who did it and when: ``actor << EPOCH_BITS | epoch``.  The epoch goes up after
every synchronisation op, so a token stands for a position in the actor's program order and no
clock has to be stored with an access.  ``subject`` is the serial number of what the op is about:
a variable, a lock, a channel or an actor.  ``object`` is ``None`` or something that is named once
in the definitions (a code object, a type); ``argument`` is a plain scalar or a tuple of scalars.

Four items, because a flat list of references is the cheapest thing to append to in CPython, is
one atomic step under the GIL, and makes no object that the garbage collector has to visit.
"""

from __future__ import annotations

# typing is not imported at run time: this module is loaded at the start of every process.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

STRIDE: Final = 4
"""Items of one op in the flat list."""

EPOCH_BITS: Final = 40
EPOCH_MASK: Final = (1 << EPOCH_BITS) - 1
OP_BITS: Final = 5
OP_MASK: Final = (1 << OP_BITS) - 1

# Accesses.  subject = variable, object = code object, argument = instruction offset (f_lasti).
READ: Final = 0
"""One value was read."""
WRITE: Final = 1
"""One value was replaced, or a structure changed in a way that does not commute."""
UPDATE: Final = 2
"""One atomic read-modify-write of CPython: ``list.pop()``, ``dict.setdefault()`` ..."""
GROW: Final = 3
"""An insertion that commutes with other insertions: ``append``, ``add``, a new key."""
LENGTH: Final = 4
"""The size or truth value of a container was read."""
ITERATE: Final = 5
"""The structure was walked: keys only."""
SCAN: Final = 6
"""The structure was walked and every item value with it."""
STEP: Final = 7
"""A walk that began earlier goes on, after others may have run."""
LAST_ACCESS: Final = STEP

# Annotations of the access just before them in the same actor.
VALUE: Final = 8
"""object = None and argument = the scalar; or object = the type of what is no scalar, and argument
= True if the very same object was there before."""
FRAME: Final = 9
"""The call stack changed.  subject = depth (1 = the caller), object = code, argument = f_lasti."""

# Mutual exclusion.  subject = lock, object = code object, argument = instruction offset.
ACQUIRE: Final = 10
TRY_ACQUIRE: Final = 11
"""Acquired without waiting, or with a time limit: cannot be the last link of a deadlock."""
RELEASE: Final = 12
WAIT_RELEASE: Final = 13
"""Condition.wait gives the lock up, whatever its recursion depth."""
WAIT_ACQUIRE: Final = 14
"""Condition.wait has the lock again."""
NOTIFY: Final = 15
"""subject = the lock of a condition that was made or notified: from now on its order is meant."""

# All other synchronisation.  subject = channel.
SEND: Final = 16
"""What came before happens before every later RECEIVE of this channel."""
RECEIVE: Final = 17
HANDOFF: Final = 18
"""Like SEND, but it replaces what was sent before: one message, one value."""

# Actors.  subject = the other actor.
FORK: Final = 19
"""object, argument = where the actor was started."""
JOIN: Final = 20
"""The other actor has ended, and this one knows."""
END: Final = 21
SWITCH: Final = 22
"""This actor runs again, after others of its group may have run.  subject = 1: nobody ran, but
they could have if the last RECEIVE or JOIN told it something new: it was awaited."""

# Events for the report and the wire, without influence on the order.
HTTP_REQUEST: Final = 23
"""subject = 0 in, 1 out; argument = (method, url, span id), for 0 also trace id, upstream span."""
HTTP_RESPONSE: Final = 24
"""subject = 0 in, 1 out; argument = (status, duration in ms, span id)."""
REMOTE_SEND: Final = 25
"""argument = a name that is unique across processes."""
REMOTE_RECEIVE: Final = 26

FINALIZE: Final = 27
"""subject = variable of an object whose finaliser begins: nobody else can reach it any more."""

# Between the processes of a run, which share more than messages with a name of their own.
TIME: Final = 28
"""argument = nanoseconds of the machine's monotonic clock: when the next op of the log happened.

Processes have a log each; their ops are put together in the order of these times.
"""
POST: Final = 29
"""One message for one receiver.  subject = 0, or the channel of a HANDOFF that is passed on;
argument = (name, how many)."""
TAKE: Final = 30
"""The oldest message that was posted under this name and not taken.  argument = the name."""

EVENT: Final = 31
"""What a server or a report is told, without influence on the order.  subject = what happened, one
of those below; argument = a tuple."""
EVENT_QUERY: Final = 0
"""A statement was executed: statement, database, duration in ms."""
EVENT_ROWS: Final = 1
"""Its result: number of rows."""
EVENT_SUBMITTED: Final = 2
"""A task was sent to a queue: its id, its name, where."""
EVENT_AWAITED: Final = 3
"""The result of a task has come: its id, its name, where."""
EVENT_CALLED: Final = 4
"""A task begins, in its trace: name, module, file, line, span id, trace id, upstream span or ""."""
EVENT_RETURNED: Final = 5
"""It is over, and so is its trace here: an empty tuple."""
EVENT_FAILED: Final = 6
"""Nobody caught an exception: name of its type, message, where."""
EVENT_WAITED: Final = 7
"""Somebody else had the lock that it takes next: its number, nanoseconds until it was free."""

NAMES: Final[tuple[str, ...]] = (
    "READ", "WRITE", "UPDATE", "GROW", "LENGTH", "ITERATE", "SCAN", "STEP", "VALUE", "FRAME",
    "ACQUIRE", "TRY_ACQUIRE", "RELEASE", "WAIT_RELEASE", "WAIT_ACQUIRE", "NOTIFY",
    "SEND", "RECEIVE", "HANDOFF", "FORK", "JOIN", "END", "SWITCH", "HTTP_REQUEST",
    "HTTP_RESPONSE", "REMOTE_SEND", "REMOTE_RECEIVE", "FINALIZE", "TIME", "POST", "TAKE",
    "EVENT",
)  # fmt: skip
"""The name of each op code, by its number."""

SCALARS: Final = frozenset({bool, int, float, type(None)})
"""Types whose values travel in an op as they are."""
TEXT_LIMIT: Final = 80
"""Characters of a string that are kept."""

# Definitions travel beside the ops: tuples of scalars whose first item says what is defined.
DEF_PROCESS: Final = "process"
"""pid, parent's log name or "", command line as a tuple, python version, unix time."""
DEF_CODE: Final = "code"
"""number, file, qualified name, first line, which of the following flags it has, and for each
instruction line, end line, column, end column."""
GENERATOR: Final = 0x20
COROUTINE: Final = 0x80
ASYNC_GENERATOR: Final = 0x200
"""As in ``co_flags``; importing inspect for them takes too long."""
WAITS: Final = 1
"""It calls something by the name of ``wait`` or ``wait_for``."""
WAKES: Final = 2
"""It calls something by the name of ``notify`` or ``notify_all``."""
DEF_TYPE: Final = "type"
"""number, qualified name."""
DEF_ACTOR: Final = "actor"
"""actor, name, kind, group (actor id of the thread whose cooperative actors exclude each other)."""
DEF_VARIABLE: Final = "variable"
"""variable, parent variable or 0, name or key text, role, has value, value or type name."""
DEF_LOCK: Final = "lock"
"""lock, kind, name or "", number of the code or 0, offset."""
DEF_SHARED: Final = "shared"
"""sort, number, name: this actor, lock, channel or variable is the same one in all processes that
give it this name.  The sort of who began with a process is "main"."""
DEF_INHERITED: Final = "inherited"
"""Number: the channels below it were the parent's when this process was forked."""
DEF_PEERS: Final = "peers"
"""Two names: what is posted under one is taken under the other."""
DEF_REAPED: Final = "reaped"
"""pid, exit status as ``waitstatus_to_exitcode`` gives it, name: a child process has ended."""
DEF_CUT: Final = "cut"
"""Time, as in TIME: what this process recorded before it is in this chunk or an earlier one."""
DEF_BY_HAND: Final = "by hand"
"""Sort ("lock" or "variable"), number: it is what the program tracks through a client."""
DEF_NOTE: Final = "note"
"""A sentence for the end of the report."""
DEF_ERROR: Final = "error"
"""Internal errors: where, the text of the first, how many so far."""
DEF_LOST: Final = "lost"
"""How many ops after the last one of the log were lost, and why."""
DEF_END: Final = "end"
"""How the process ended, as far as it knows: "exit", "exec"; or "uninstall": only the log ends."""

ROLE_OBJECT: Final = "object"
ROLE_CONTAINER: Final = "container"
ROLE_ATTRIBUTE: Final = "attribute"
ROLE_ITEM: Final = "item"
ROLE_NAMED: Final = "named"
"""A variable that exists by the name a user gave it in track_state_change()."""
