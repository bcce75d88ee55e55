"""The op log: one append-only file for each process of a run.

A file is a sequence of chunks, each a header (:data:`HEADER`) and two ``marshal`` blobs: the
definitions that are new, then the ops.  ``marshal`` is the fastest encoder of scalars that every
interpreter has; version 2 of its format has been the same since Python 2.5 and keeps no table of
references.  The file is opened for each chunk: a descriptor that stays open would be seen by
programs that count or close theirs, and after ``os.closerange`` our number might be somebody
else's file.
"""

from __future__ import annotations

import marshal
import os
import struct
import sys
import time

from raceway.model import ops
from raceway.record.naming import assigned_name

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

MAGIC = b"RWC1"
HEADER = struct.Struct("<4sIIId")
"""Magic, number of the chunk, bytes of the definitions, bytes of the ops, unix time."""
SUFFIX = ".oplog"
_FORMAT = 2
_RESUMABLE = 0x20 | 0x80 | 0x200
"""CO_GENERATOR, CO_COROUTINE and CO_ASYNC_GENERATOR; importing inspect for them takes too long."""
_CODE_TYPE = type((lambda: None).__code__)


class OpLog:
    """Packs chunks and appends them to this process's file in a run directory."""

    def __init__(self, directory: str) -> None:
        """Write into ``directory``, which must exist; the file comes with the first chunk."""
        self.directory = directory
        self.path = ""
        self.number = 0
        # Objects that ops refer to by id(); kept alive so that no id is used twice.
        self.known: dict[int, object] = {id(None): None}
        self.names: dict[tuple[int, int], str] = {}

    def write(self, chunk: list[Any], definitions: list[tuple[Any, ...]]) -> None:
        """Append a chunk.

        Args:
            chunk: Ops; changed in place.
            definitions: What they need to be understood.

        Raises:
            OSError: The directory is gone or full: what was in the chunk is lost.
        """
        out: list[tuple[Any, ...]] = []
        if not self.path:
            self._open(out, parent="")
        objects = chunk[2 :: ops.STRIDE]
        ids = list(map(id, objects))
        unknown = set(ids).difference(self.known)
        if unknown:
            by_id = dict(zip(ids, objects, strict=True))
            for number in unknown:
                self._define(by_id[number], out)
        chunk[2 :: ops.STRIDE] = ids
        for definition in definitions:
            out.append(self._lock(definition, out) if definition[0] == ops.DEF_LOCK else definition)
        self._append(marshal.dumps(out, _FORMAT), marshal.dumps(chunk, _FORMAT))

    def after_fork(self) -> None:
        """Begin a new file; what the parent defined is found in the parent's."""
        parent = os.path.basename(self.path)
        self.path = ""
        self.number = 0
        out: list[tuple[Any, ...]] = []
        self._open(out, parent)
        self._append(marshal.dumps(out, _FORMAT), marshal.dumps([], _FORMAT))

    def _open(self, out: list[tuple[Any, ...]], parent: str) -> None:
        name = f"{os.getpid()}-{time.time_ns()}{SUFFIX}"
        self.path = os.path.join(self.directory, name)
        command = tuple(str(part) for part in getattr(sys, "orig_argv", sys.argv))
        version = "{}.{}.{}".format(*sys.version_info)
        out.append((ops.DEF_PROCESS, os.getpid(), parent, command, version, time.time()))

    def _append(self, definitions: bytes, packed: bytes) -> None:
        header = HEADER.pack(MAGIC, self.number, len(definitions), len(packed), time.time())
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(self.path, flags, 0o600)
        try:
            data = memoryview(header + definitions + packed)
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            os.close(descriptor)
        self.number += 1

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
