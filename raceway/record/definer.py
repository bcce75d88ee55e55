"""Replaces the objects in a chunk by numbers, and says once what each number stands for."""

from __future__ import annotations

import itertools
import sys
from _weakref import ref

from raceway.model import ops
from raceway.record.accelerator import accelerator
from raceway.record.naming import assigned_name

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, TypeAlias

    Fresh: TypeAlias = dict[int, "_Reference"]
    """What a chunk has defined, by address."""

_CODE_TYPE = type((lambda: None).__code__)
_RESUMABLE = ops.GENERATOR | ops.COROUTINE | ops.ASYNC_GENERATOR
_CALLS = (
    (ops.WAITS, frozenset({"wait", "wait_for"})),
    (ops.WAKES, frozenset({"notify", "notify_all", "notifyAll"})),
)


class _Reference(ref):  # type: ignore[type-arg] # to a code object or a type
    """What is known of a code object or type, for as long as that lives."""

    __slots__ = ("address", "names", "number")
    address: int
    number: int
    names: dict[int, str]


class Definer:
    """Knows which objects of this process have been defined, and under which numbers.

    A number is used once: when an object dies, the next one at its address is defined anew, so
    that a program that compiles code for ever is not kept in memory for ever.  While a chunk is
    on its way it holds whatever its ops refer to.

    Who dies is only noted down, by a callback in C: in one in Python a signal handler could raise.

    Defining has no effect before :meth:`commit`, and that can be repeated: a signal handler of
    the program may raise anywhere in between.
    """

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {id(None): 0}
        """By address."""
        self._references: dict[int, Any] = {}
        """By number: what tells when the object dies."""
        self._dead: list[_Reference] = []
        self._next_number = itertools.count(1).__next__

    def define(
        self,
        chunk: list[Any],
        definitions: list[tuple[Any, ...]],
        out: list[tuple[Any, ...]],
    ) -> tuple[list[Any], Fresh]:
        """Make a chunk independent of this process.

        Args:
            chunk: Ops.
            definitions: What the recorder defined.
            out: Gets all definitions that the chunk needs and that were not given before.

        Returns:
            The chunk with numbers in the place of objects, and what to :meth:`commit`.
        """
        self._forget_dead()
        fresh: Fresh = {}
        objects = chunk[2 :: ops.STRIDE]
        try:
            known = self._numbers
            # Most ops are of the same function as the one before, or of nothing: two thirds of the
            # time of looking each of them up.
            last: Any = None
            number = 0
            numbers = [
                0 if thing is None
                else number if thing is last
                else (number := known[id(last := thing)])
                for thing in objects
            ]  # fmt: skip
        except KeyError:
            numbers = [self._number(thing, fresh, out) for thing in objects]
        packed = chunk[:]
        packed[2 :: ops.STRIDE] = numbers
        self._define(definitions, fresh, out)
        return packed, fresh

    def pack(
        self, chunk: Any, definitions: list[tuple[Any, ...]], out: list[tuple[Any, ...]]
    ) -> tuple[bytes | None, Fresh]:
        """Do in C what :meth:`define` does, and make bytes of the chunk.

        Args:
            chunk: Ops, as a buffer of the accelerator's.
            definitions: As there.
            out: As there.

        Returns:
            The bytes, or None if that cannot be done in C; and what to :meth:`commit`.
        """
        self._forget_dead()
        fresh: Fresh = {}
        packed = accelerator.pack(chunk, self._numbers, {})
        if type(packed) is dict:
            numbers = {
                address: self._number(thing, fresh, out) for address, thing in packed.items()
            }
            packed = accelerator.pack(chunk, self._numbers, numbers)
        self._define(definitions, fresh, out)
        return packed, fresh

    def _define(
        self, definitions: list[tuple[Any, ...]], fresh: Fresh, out: list[tuple[Any, ...]]
    ) -> None:
        for definition in definitions:
            if definition[0] == ops.DEF_LOCK:
                out.append(self._lock(definition, fresh, out))
            else:
                out.append(definition)

    def commit(self, fresh: Fresh) -> None:
        """Count as known what a chunk has defined."""
        self._references.update((reference.number, reference) for reference in fresh.values())
        self._numbers.update((address, reference.number) for address, reference in fresh.items())

    def _number(self, thing: Any, fresh: Fresh, out: list[tuple[Any, ...]]) -> int:
        """Return the number of a thing, defining it if need be."""
        address = id(thing)
        known = self._numbers.get(address)
        if known is None and address in fresh:
            known = fresh[address].number
        if known is not None:
            return known
        number = self._next_number()
        reference = _Reference(thing, self._dead.append)
        reference.address = address
        reference.number = number
        reference.names = {}
        fresh[address] = reference
        if isinstance(thing, _CODE_TYPE):
            out.append(code_definition(thing, number))
        else:
            out.append((ops.DEF_TYPE, number, thing.__qualname__))
        return number

    def _forget_dead(self) -> None:
        while self._dead:
            self._forget(self._dead[-1])
            self._dead.pop()

    def _forget(self, reference: _Reference) -> None:
        number = reference.number
        if self._numbers.get(reference.address) == number:  # else of one that was there before
            del self._numbers[reference.address]
        self._references.pop(number, None)

    def _lock(
        self, definition: tuple[Any, ...], fresh: Fresh, out: list[tuple[Any, ...]]
    ) -> tuple[Any, ...]:
        """Replace the code object of a lock's birth by its number, and give the lock a name."""
        kind, lock, lock_kind, name, code, offset = definition
        if code is None:
            return kind, lock, lock_kind, name, 0, 0
        number = self._number(code, fresh, out)
        if not name:
            reference = fresh.get(id(code)) or self._references[number]
            name = reference.names.get(offset)
            if name is None:
                name = reference.names[offset] = assigned_name(code, offset)
        return kind, lock, lock_kind, name, number, offset


def code_definition(code: CodeType, number: int) -> tuple[Any, ...]:
    """Return what a reader has to know of a code object."""
    calls = sum(flag for flag, names in _CALLS if not names.isdisjoint(code.co_names))
    return (
        ops.DEF_CODE,
        number,
        code.co_filename,
        getattr(code, "co_qualname", code.co_name),
        code.co_firstlineno,
        code.co_flags & _RESUMABLE | calls,
        positions(code),
    )


def positions(code: CodeType) -> tuple[int | None, ...]:
    """Return line, end line, column and end column of each instruction, one after the other."""
    if sys.version_info >= (3, 11):
        return tuple(itertools.chain.from_iterable(code.co_positions()))
    flat: list[int | None] = []
    for start, end, line in code.co_lines():
        flat += (line, None, None, None) * ((end - start) // 2)
    return tuple(flat)
