"""One numbering for all processes of a run.

Each process numbers its actors, locks, channels and variables for itself.  Here they get numbers
that mean one thing in the whole run, so that replay and engine need not know of processes: those of
the first process stay as they are, those of the others are moved out of their way, and what several
processes know under one name gets one number.  Code objects are known by what they are: the same
function is the same place in every process.

A forked child goes on using what its parent has defined.  Its copy of a lock or a variable is its
own, unless it has a name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from raceway.engine.definitions import ActorDefinition, Definitions, Variable
from raceway.model import ops

IsOwn = Callable[[Definitions, int], bool]
"""Tells from the definitions of a process whether a number is its own, and no inherited one."""

PROCESS_BITS = 32
"""Numbers of one process lie below ``1 << PROCESS_BITS``; above are those of the processes."""
TABLE_KEPT = 100_000
"""Numbers of one kind and process that are not found out again each time."""

_ACTOR_OPS = frozenset({ops.FORK, ops.JOIN, ops.END})
_LOCK_OPS = frozenset(range(ops.ACQUIRE, ops.NOTIFY + 1))
_CHANNEL_OPS = frozenset({ops.SEND, ops.RECEIVE, ops.HANDOFF, ops.POST})
_WAITED = ops.EVENT_WAITED << ops.OP_BITS | ops.EVENT
_PLACED = frozenset({*range(ops.LAST_ACCESS + 1), *_LOCK_OPS, ops.FRAME, ops.FORK})
"""Ops whose object is a code object."""


class _Table(dict[int, int]):
    """Numbers of a process, and those of the run; found out when they are first asked for."""

    def __init__(self, resolve: Callable[[int], int]) -> None:
        super().__init__()
        self._resolve = resolve

    def __missing__(self, number: int) -> int:
        if len(self) >= TABLE_KEPT:
            self.clear()  # what is asked for again is found out again
        found = self[number] = self._resolve(number)
        return found


class RunNumbers:
    """What the processes of a run have in common.

    Attributes:
        definitions: Everything, in the numbers of the run.
    """

    def __init__(self) -> None:
        self.definitions = Definitions()
        self.names: dict[tuple[str, str], int] = {}
        self.codes: dict[tuple[Any, ...], int] = {}
        self.types: dict[str, int] = {}


class Numbers:
    """The numbers of one process.

    Args:
        process: 0 for the first process of the run.
        run: What it has in common with the others.
        own: Its own definitions, in its own numbers.
    """

    def __init__(self, process: int, run: RunNumbers, own: Definitions) -> None:
        self._base = process << PROCESS_BITS
        self._process = process
        self._run = run
        self._own = own
        self.parent: Numbers | None = None
        self._shared: dict[tuple[str, int], str] = {}
        self._actors = _Table(self._actor)
        self._locks = _Table(self._lock)
        self._channels = _Table(self._channel)
        self._variables = _Table(self._variable)
        self._codes = _Table(self._code)
        self._types = _Table(self._type)
        self.main = 0
        """The actor that began with this process, if its parent has told of it."""

    def define(self, definitions: list[tuple[Any, ...]]) -> None:
        """Take the definitions of a chunk."""
        named = []
        for definition in definitions:
            self._own.add(definition)
            if definition[0] == ops.DEF_SHARED:
                sort, number, name = definition[1:]
                self._shared["actor" if sort == "main" else sort, number] = name
                named.append((sort, number))
            elif definition[0] == ops.DEF_PEERS or not self._process:
                self._run.definitions.add(definition)
        for sort, number in named:
            # Now, and not when it is used: that may be in other processes only.
            if sort == "main":
                self.main = self._actors[number]
                self._run.definitions.homes[self.main] = self._process
                self._run.definitions.actors[self.main] = replace(
                    self._own.actor(number), group=self.main
                )
            elif sort == "lock":
                self._locks[number]
            elif sort == "variable":
                self._run.definitions.shared.add(self._variables[number])

    @property
    def shared_objects(self) -> list[str]:
        """The names under which this process shares watched objects with others."""
        return [
            name
            for (sort, number), name in self._shared.items()
            if sort == "variable" and self._own.is_object(number)
        ]

    # ------------------------------------------------------------ ops

    def translate(self, stream: list[Any]) -> list[Any]:
        """Return a chunk of ops in the numbers of the run."""
        if not self._process and not self._shared:
            return stream
        actors, locks, channels = self._actors, self._locks, self._channels
        variables, codes, types = self._variables, self._codes, self._types
        bits, mask = ops.OP_BITS, ops.OP_MASK
        epochs, epoch_mask = ops.EPOCH_BITS, ops.EPOCH_MASK
        out = stream[:]
        for at in range(0, len(stream), ops.STRIDE):
            token, word, thing, argument = stream[at : at + ops.STRIDE]
            op = word & mask
            if op == ops.TIME:
                continue
            out[at] = actors[token >> epochs] << epochs | token & epoch_mask
            if op <= ops.VALUE:
                out[at + 1] = variables[word >> bits] << bits | op
            elif op in _LOCK_OPS:
                out[at + 1] = locks[word >> bits] << bits | op
            elif op in _CHANNEL_OPS:
                if word >> bits:
                    out[at + 1] = channels[word >> bits] << bits | op
            elif op in _ACTOR_OPS:
                out[at + 1] = actors[word >> bits] << bits | op
            elif word == _WAITED:
                lock, duration = argument
                out[at + 3] = (locks[lock], duration)
            if op in _PLACED:
                out[at + 2] = codes[thing]
            elif op == ops.VALUE:
                out[at + 2] = types[thing]
        return out

    # ------------------------------------------------------------ numbers

    def _name(self, sort: str, number: int, is_own: IsOwn) -> str | None:
        """Return the name that a number has here or, for what was forked along, in the parent.

        Both go on counting after the fork: the parent's numbers from then on are other things.
        """
        name = self._shared.get((sort, number))
        if name is None and self.parent is not None and not is_own(self._own, number):
            return self.parent._name(sort, number, is_own)
        return name

    def _number(self, sort: str, number: int, is_own: IsOwn) -> int:
        name = self._name(sort, number, is_own)
        if name is None:
            return self._base | number
        return self._run.names.setdefault((sort, name), self._base | number)

    def _channel(self, number: int) -> int:
        return self._number("channel", number, lambda own, one: one >= own.inherited)

    def _actor(self, number: int) -> int:
        found = self._number("actor", number, lambda own, one: one in own.actors)
        run = self._run.definitions
        own = self._own.actors.get(number)
        if own is not None and (self._process or found != number):
            if found in run.actors:
                return found
            group = found if own.group == number else self._actors[own.group]
            name = own.name
            if self.main and own.kind != "process":
                name = f"{name} in {run.actor(self.main).name}"
            run.actors[found] = ActorDefinition(name, own.kind, group)
        return found

    def _lock(self, number: int) -> int:
        found = self._number("lock", number, lambda own, one: one in own.locks)
        if (self._process or found != number) and self._own.has_lock(number):
            self._run.definitions.locks.setdefault(found, self._own.lock(number))
        return found

    def _variable(self, number: int) -> int:
        found = self._number("variable", number, lambda own, one: one in own.variables)
        run = self._run.definitions.variables
        own = self._own.variable(number)
        if (self._process or found != number) and own is not None and found not in run:
            parent = self._variables[own.parent] if own.parent else 0
            run[found] = Variable(found, parent, own.text, own.role, own.has_value, own.value)
        return found

    def _code(self, number: int) -> int:
        code = self._own.code(number)
        if code is None:
            return number if not self._process else 0
        if not self._process:
            self._run.codes.setdefault(code.identity, number)
            return number
        fresh = number | self._process << 2 * PROCESS_BITS
        found = self._run.codes.setdefault(code.identity, fresh)
        self._run.definitions.codes.setdefault(found, code)
        return found

    def _type(self, number: int) -> int:
        if not self._process:
            return number
        name = self._own.types.get(number)
        own: Definitions | None = self._own.parent
        while name is None and own is not None:
            name, own = own.types.get(number), own.parent
        if name is None:
            return 0
        found = self._run.types.setdefault(name, number | self._process << 2 * PROCESS_BITS)
        self._run.definitions.types.setdefault(found, name)
        return found
