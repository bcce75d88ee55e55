"""Replaces the objects in a chunk by numbers, and says once what each number stands for."""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record.naming import assigned_name

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

_CODE_TYPE = type((lambda: None).__code__)
_RESUMABLE = 0x20 | 0x80 | 0x200
"""CO_GENERATOR, CO_COROUTINE and CO_ASYNC_GENERATOR; importing inspect for them takes too long."""


class Definer:
    """Knows which objects of this process have been defined."""

    def __init__(self) -> None:
        # Objects that ops refer to by id(); kept alive so that no id is used twice.
        self.known: dict[int, object] = {id(None): None}
        self.names: dict[tuple[int, int], str] = {}

    def define(
        self,
        chunk: list[Any],
        definitions: list[tuple[Any, ...]],
        out: list[tuple[Any, ...]],
    ) -> list[Any]:
        """Make a chunk independent of this process.

        Args:
            chunk: Ops.
            definitions: What the recorder defined.
            out: Gets all definitions that the chunk needs and that were not given before.

        Returns:
            The chunk with ids in the place of objects.
        """
        objects = chunk[2 :: ops.STRIDE]
        ids = list(map(id, objects))
        unknown = set(ids).difference(self.known)
        if unknown:
            by_id = dict(zip(ids, objects, strict=True))
            for number in unknown:
                self._define(by_id[number], out)
        packed = chunk[:]
        packed[2 :: ops.STRIDE] = ids
        for definition in definitions:
            out.append(self._lock(definition, out) if definition[0] == ops.DEF_LOCK else definition)
        return packed

    def forget(self, out: list[tuple[Any, ...]]) -> None:
        """Define again what ``out`` defined: it did not arrive."""
        for definition in out:
            if definition[0] in {ops.DEF_CODE, ops.DEF_TYPE}:
                self.known.pop(definition[1], None)

    def _define(self, thing: object, out: list[tuple[Any, ...]]) -> None:
        self.known[id(thing)] = thing
        if isinstance(thing, _CODE_TYPE):
            out.append(code_definition(thing))
        elif isinstance(thing, type):
            out.append((ops.DEF_TYPE, id(thing), thing.__qualname__))

    def _lock(self, definition: tuple[Any, ...], out: list[tuple[Any, ...]]) -> tuple[Any, ...]:
        """Replace the code object of a lock's birth by its id, and give the lock a name."""
        kind, lock, lock_kind, name, code, offset = definition
        if code is None:
            return kind, lock, lock_kind, name, 0, 0
        if id(code) not in self.known:
            self._define(code, out)
        key = (id(code), offset)
        if not name:
            name = self.names.get(key)
            if name is None:
                name = self.names[key] = assigned_name(code, offset)
        return kind, lock, lock_kind, name, id(code), offset


def code_definition(code: CodeType) -> tuple[Any, ...]:
    """Return what a reader has to know of a code object."""
    return (
        ops.DEF_CODE,
        id(code),
        code.co_filename,
        getattr(code, "co_qualname", code.co_name),
        code.co_firstlineno,
        bool(code.co_flags & _RESUMABLE),
        positions(code),
    )


def positions(code: CodeType) -> tuple[int | None, ...]:
    """Return line, end line, column and end column of each instruction, one after the other."""
    if sys.version_info >= (3, 11):
        return tuple(item for place in code.co_positions() for item in place)
    flat: list[int | None] = []
    for start, end, line in code.co_lines():
        flat += (line, None, None, None) * ((end - start) // 2)
    return tuple(flat)
