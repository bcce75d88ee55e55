"""What the numbers in an op stream stand for, in one process."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from raceway.model import ops
from raceway.model.aging import Aging
from raceway.model.findings import Frame, LockRef


@dataclass(slots=True, unsafe_hash=True)  # what identifies it never changes
class Code:
    """A code object of the program.

    Attributes:
        flags: Of those of :mod:`raceway.model.ops`.
    """

    file: str
    function: str
    first_line: int
    flags: int
    positions: tuple[int | None, ...]
    _firsts: list[int] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes it the same code in another process."""
        return self.file, self.function, self.first_line, self.positions

    @property
    def resumable(self) -> int:
        """``GENERATOR``, ``COROUTINE`` or ``ASYNC_GENERATOR``, if it is one; else 0."""
        return self.flags & ~(ops.WAITS | ops.WAKES)

    def canonical(self, offset: int) -> int:
        """Return the first of the offsets that belong to the same expression.

        There may be several.  The compiler makes two copies of the test of a ``while`` loop and of
        a ``finally`` block.  While a property is called, an interpreter that has inlined the call
        (3.12 and later) shows an offset inside the inline cache of the instruction, and before
        that the instruction's.
        """
        if self._firsts is None:
            self._firsts = _first_copies(self.positions)
        at = offset >> 1
        return self._firsts[at] << 1 if at < len(self._firsts) else offset

    def frame(self, offset: int) -> Frame:
        """Return the place of the instruction at ``offset``."""
        at = (offset >> 1) * 4
        line, end_line, column, end_column = self.positions[at : at + 4] or (None,) * 4
        return Frame(
            self.file,
            line or self.first_line,
            self.function,
            end_line,
            column,
            end_column,
            self.first_line,
        )


def _first_copies(positions: tuple[int | None, ...]) -> list[int]:
    """Return for each instruction the first one of the same source range."""
    places = list(zip(*(positions[part::4] for part in range(4)), strict=True))
    known: dict[object, int] = {}
    firsts: list[int] = []
    for place, run in groupby(places):
        begin, length = len(firsts), len(list(run))
        if place[2] is not None:
            firsts += [known.setdefault(place, begin)] * length
            continue
        # Python 3.10 knows lines only: a copy has as many instructions as what it is a copy of.
        first = known.setdefault((place, length), begin)
        firsts += range(first, first + length)
    return firsts


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable as it was defined."""

    number: int
    parent: int
    text: str
    role: str
    has_value: bool
    value: Any


@dataclass(frozen=True, slots=True)
class ActorDefinition:
    """An actor as it was defined."""

    name: str
    kind: str
    group: int


DEFINITIONS_KEPT = 60_000
"""Definitions of a generation, of actors, variables and locks each."""
_WATCHED = frozenset({ops.ROLE_OBJECT, ops.ROLE_CONTAINER, ops.ROLE_NAMED})


class Definitions:
    """Definitions of one process; what a forked child does not have, its parent has.

    Attributes:
        objects: How many watched objects were defined.
        locks_seen: How many locks were defined.
    """

    def __init__(self) -> None:
        self.parent: Definitions | None = None
        self.codes: dict[int, Code] = {}
        self.types: dict[int, str] = {}
        self.actors: Aging[int, ActorDefinition] = Aging(DEFINITIONS_KEPT)
        self.variables: Aging[int, Variable] = Aging(DEFINITIONS_KEPT)
        self.locks: Aging[int, LockRef] = Aging(DEFINITIONS_KEPT)
        self.objects = 0
        self.locks_seen = 0
        self.notes: list[str] = []
        self.errors: dict[str, tuple[str, int]] = {}
        """Errors of ours: where, what the first one was, and how many."""
        self.shared: set[int] = set()
        """Variables that several processes have."""
        self.homes: dict[int, int] = {}
        """Process of an actor, where its number does not tell: for who began with a process."""
        self.peers: dict[str, str] = {}
        self.reaped: dict[int, tuple[int, str]] = {}
        """Child processes that were killed: the negative number of the signal, the name."""
        self.inherited = 0
        """Channels below this number were there when the process was forked."""
        self.cut = 0
        self.pids: list[int] = []
        """Process ids, for a run of several processes."""
        self.pid = 0
        self.parent_log = ""
        self.command: tuple[str, ...] = ()
        self.ended = ""
        self.lost = 0
        self.lost_because = ""
        self._names: dict[int, str] = {}

    def add(self, definition: tuple[Any, ...]) -> None:
        """Take one definition; kinds that this version does not know are passed over."""
        kind, *rest = definition
        if kind == ops.DEF_CODE:
            number, *fields = rest
            self.codes[number] = Code(*fields)
        elif kind == ops.DEF_TYPE:
            self.types[rest[0]] = rest[1]
        elif kind == ops.DEF_ACTOR:
            self.actors[rest[0]] = ActorDefinition(*rest[1:4])
        elif kind == ops.DEF_VARIABLE:
            renamed = self.variables.peek(rest[0]) is not None
            variable = self.variables[rest[0]] = Variable(*rest)
            self.objects += variable.role in _WATCHED and not (variable.parent or renamed)
        elif kind == ops.DEF_LOCK:
            self._add_lock(*rest)
        elif kind == ops.DEF_NOTE:
            self.notes.append(rest[0])
        elif kind == ops.DEF_ERROR:
            self.add_error(*rest)
        else:
            self._add_process(kind, rest)

    def _add_process(self, kind: str, rest: list[Any]) -> None:
        """Take what is said about the process itself."""
        if kind == ops.DEF_PROCESS:
            self.pid, self.parent_log, self.command = rest[:3]
        elif kind == ops.DEF_LOST:
            self.lost, self.lost_because = rest
        elif kind == ops.DEF_END:
            self.ended = rest[0]
        elif kind == ops.DEF_INHERITED:
            self.inherited = rest[0]
        elif kind == ops.DEF_CUT:
            self.cut = rest[0]
        elif kind == ops.DEF_PEERS:
            self.peers.update({rest[0]: rest[1], rest[1]: rest[0]})
        elif kind == ops.DEF_REAPED:
            self.reaped[rest[0]] = (rest[1], rest[2])

    def add_error(self, where: str, text: str, count: int) -> None:
        """Take an error of ours; told again when there are more of the kind."""
        known = self.errors.get(where, ("", 0))[1]
        self.errors[where] = (text, max(count, known))

    def _add_lock(self, number: int, kind: str, name: str, code: int, offset: int) -> None:
        self.locks_seen += 1
        born = self.code(code)
        location = born.frame(offset).location if born else ""
        self.locks[number] = LockRef(name or f"{kind} at {location or '?'}", kind, location)

    def code(self, number: int) -> Code | None:
        """Return the code object with this id, if it was defined."""
        found = self.codes.get(number)
        if found is None and self.parent is not None:
            return self.parent.code(number)
        return found

    def known_type(self, number: int) -> str | None:
        """Return the name of the type with this id, if it was defined."""
        found = self.types.get(number)
        if found is None and self.parent is not None:
            return self.parent.known_type(number)
        return found

    def actor(self, number: int) -> ActorDefinition:
        """Return the actor with this number, or one that only has its number for a name."""
        found = self.actors.get(number)
        if found is None and self.parent is not None:
            return self.parent.actor(number)
        return found or ActorDefinition(f"actor {number}", "thread", number)

    def home(self, actor: int) -> int:
        """Return the process of an actor; 0 is the first of the run."""
        return self.homes.get(actor, actor >> 32)

    def pid_of(self, actor: int) -> int:
        """Return the process id of an actor."""
        return self.pids[self.home(actor)] if self.pids else self.pid

    def has_lock(self, number: int) -> bool:
        """Tell whether a lock was defined."""
        return number in self.locks or (self.parent is not None and self.parent.has_lock(number))

    def lock(self, number: int) -> LockRef:
        """Return the lock with this number."""
        found = self.locks.get(number)
        if found is None and self.parent is not None:
            return self.parent.lock(number)
        return found or LockRef(f"lock {number}")

    def variable(self, number: int) -> Variable | None:
        """Return the variable with this number."""
        found = self.variables.get(number)
        if found is None and self.parent is not None:
            return self.parent.variable(number)
        return found

    def has_forgotten(self) -> bool:
        """Tell whether a variable that is not known may have been."""
        above = self.parent is not None and self.parent.has_forgotten()
        return bool(self.variables.forgotten) or above

    def is_object(self, number: int) -> bool:
        """Tell whether a variable of this very process is a watched object."""
        found = self.variables.peek(number)
        return found is not None and found.role in _WATCHED and not found.parent

    def variable_name(self, number: int) -> str:
        """Return the full name of a variable: ``accounts['alice']['balance']``."""
        name = self._names.get(number)
        if name is None:
            name = self._names[number] = self._make_name(number)
        return name

    def _make_name(self, number: int) -> str:
        variable = self.variable(number)
        if variable is None:
            return f"variable {number}"
        above = self.variable_name(variable.parent) if variable.parent else ""
        if variable.role == ops.ROLE_ATTRIBUTE:
            return f"{above}.{variable.text}" if above else variable.text
        if variable.role == ops.ROLE_ITEM:
            return f"{above}[{variable.text}]"
        return above or variable.text
