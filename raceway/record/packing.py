"""Chunks as the accelerator writes them: some five bytes for an op, where ``marshal`` takes 28.

A chunk begins with the number of its ops.  An op is told in terms of the one before it::

    flags, [actor], [epoch], subject, [object], argument

A bit of the flags each says that actor and object are others than before, two say whether the epoch
is that of before, the next one, or given.  Numbers take seven bits of each byte, the lowest first;
those that can be negative have their sign in the lowest bit.  An argument is an offset, nothing,
or a scalar, or a tuple of scalars, behind a letter for its class.

What does not fit, such as a number of more than 64 bits, goes into the log as ``marshal`` writes
it.
"""

from __future__ import annotations

import struct

from raceway.model import ops
from raceway.record.accelerator import accelerator

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

_FORM = 3
_PLACE, _NOTHING = 0, 1
_OTHER_ACTOR = 4
_EPOCH_SHIFT, _EPOCH = 3, 3
_EPOCH_IS_NEXT = 1
_OTHER_OBJECT = 32
_DOUBLE = struct.Struct("<d")
_ENCODINGS = {b"u": "ascii", b"U": "utf-8"}
_CONSTANTS = {b"N": None, b"T": True, b"F": False}


class _Reader:
    """Reads one number or scalar after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        """Return the next bytes."""
        taken = self.data[self.at : self.at + length]
        if len(taken) < length:
            raise ValueError("not a chunk")
        self.at += length
        return taken

    def unsigned(self) -> int:
        """Return a number that is not negative."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self) -> int:
        """Return a number."""
        value = self.unsigned()
        return value >> 1 ^ -(value & 1)

    def scalar(self) -> Any:
        """Return a value that a report shows."""
        kind = self.take(1)
        if kind == b"i":
            return self.signed()
        if kind == b"g":
            return _DOUBLE.unpack(self.take(_DOUBLE.size))[0]
        if kind in _ENCODINGS:
            return self.take(self.unsigned()).decode(_ENCODINGS[kind])
        if kind == b"t":
            return tuple(self.item() for _ in range(self.unsigned()))
        if kind not in _CONSTANTS:
            raise ValueError("not a chunk")
        return _CONSTANTS[kind]

    def item(self) -> Any:
        """Return an item of a tuple, which is none itself."""
        if self.data[self.at : self.at + 1] == b"t":
            raise ValueError("not a chunk")
        return self.scalar()


def unpack_in_python(data: bytes) -> list[Any]:
    """Do what :func:`unpack` does, slowly."""
    reader = _Reader(data)
    actor = epoch = number = 0
    found: list[Any] = []
    for _ in range(reader.unsigned()):
        flags = reader.take(1)[0]
        if flags & _OTHER_ACTOR:
            actor = reader.unsigned()
        change = flags >> _EPOCH_SHIFT & _EPOCH
        if change:
            epoch = epoch + 1 if change == _EPOCH_IS_NEXT else reader.unsigned()
        subject = reader.unsigned()
        if flags & _OTHER_OBJECT:
            number = reader.unsigned()
        form = flags & _FORM
        argument = (
            reader.signed() if form == _PLACE else None if form == _NOTHING else reader.scalar()
        )
        found += (actor << ops.EPOCH_BITS | epoch, subject, number, argument)
    if reader.at != len(data):
        raise ValueError("not a chunk")
    return found


def unpack(data: bytes) -> list[Any]:
    """Return the ops of a chunk, with numbers in the place of objects.

    Args:
        data: What the accelerator has packed.

    Raises:
        ValueError: It is not.
    """
    if accelerator is None:
        return unpack_in_python(data)
    return accelerator.unpack(data)  # type: ignore[no-any-return]
