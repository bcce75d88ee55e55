"""Reads op logs while they grow."""

from __future__ import annotations

import contextlib
import marshal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raceway.model.ops import STRIDE
from raceway.record.oplog import HEADER, MAGIC, PACKED_MAGIC, next_part
from raceway.record.packing import unpack


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one flush of a process wrote.

    Attributes:
        definitions: Tuples as described in :mod:`raceway.model.ops`.
        ops: Flat list of ops.
        time: Unix time of the flush, in seconds.
    """

    definitions: list[tuple[Any, ...]]
    ops: list[Any]
    time: float


class OpLogReader:
    """Reads the chunks of one file, each once, in order.

    Args:
        path: The file; it may still be written to, and go on in another one.
        keep: Leave the parts that have been read where they are.
    """

    def __init__(self, path: Path, *, keep: bool = True) -> None:
        self.path = path
        self._keep = keep
        self._part = path
        self._position = 0
        self._last_part: Path | None = None
        self._size = 0
        self.damaged = False
        self._last = -1
        self._ops = 0
        self._bytes = 0

    def next_chunk(self) -> Chunk | None:
        """Return the next complete chunk, or None if there is none (yet).

        A chunk that is cut off, because its writer was killed, is as if it were not there.
        """
        if self.damaged:
            return None
        # Asked before reading: what is written to this part after that may be missed.
        following = Path(next_part(str(self._part)))
        complete = not self._is_in_last_part() and following.exists()
        try:
            with self._part.open("rb") as file:
                file.seek(self._position)
                header = file.read(HEADER.size)
                if not header and complete:
                    self._go_on(following)
                    return self.next_chunk()
                if len(header) < HEADER.size:
                    return None
                magic, number, definition_bytes, op_bytes, time = HEADER.unpack(header)
                body = file.read(definition_bytes + op_bytes)
        except OSError:
            self.damaged = True
            return None
        if magic not in {MAGIC, PACKED_MAGIC}:
            self.damaged = True
            return None
        end = self._position + HEADER.size + definition_bytes + op_bytes
        if len(body) < definition_bytes + op_bytes:
            return None
        if self._is_in_last_part() and end > self._size:
            return None
        self._position = end
        if number <= self._last:  # its writer was interrupted, and wrote it once more
            return self.next_chunk()
        self._last = number
        try:
            # The file is our own, in a directory that only this user can write to.
            definitions = marshal.loads(body[:definition_bytes])  # noqa: S302
            blob = body[definition_bytes:]
            ops = unpack(blob) if magic == PACKED_MAGIC else marshal.loads(blob)  # noqa: S302
        except (ValueError, EOFError, TypeError):
            self.damaged = True
            return None
        self._ops += len(ops) // STRIDE
        self._bytes += len(body)
        return Chunk(definitions, ops, time)

    def backlog(self) -> int:
        """Return about how many ops are there that have not been read."""
        if self.damaged or not self._bytes:
            return 0
        part, unread = self._part, -self._position
        with contextlib.suppress(OSError):
            while True:
                is_last = part == self._last_part
                unread += self._size if is_last else part.stat().st_size
                part = Path(next_part(str(part)))
                if is_last:
                    break
        return max(0, unread) * self._ops // self._bytes

    def _go_on(self, following: Path) -> None:
        read, self._part, self._position = self._part, following, 0
        if not self._keep:
            with contextlib.suppress(OSError):  # another user's
                read.unlink()

    def freeze(self) -> None:
        """Read nothing that is written from now on: a daemon may never stop."""
        part = self._part
        while (following := Path(next_part(str(part)))).exists():
            part = following
        self._last_part = part
        try:
            self._size = part.stat().st_size
        except OSError:  # it was removed
            self._size = 0

    def _is_in_last_part(self) -> bool:
        return self._part == self._last_part
