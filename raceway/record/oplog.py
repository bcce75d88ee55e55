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
from raceway.record.definer import Definer

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

MAGIC = b"RWC1"
HEADER = struct.Struct("<4sIIId")
"""Magic, number of the chunk, bytes of the definitions, bytes of the ops, unix time."""
SUFFIX = ".oplog"
PRESENCE_SUFFIX = ".begun"
"""Of a file, named like a log, that holds the command of a process: it need not write a log."""
_FORMAT = 2


class OpLog:
    """Packs chunks and appends them to this process's file in a run directory."""

    analysed_locally = True
    """What the program tracks by hand belongs in here too."""

    def __init__(self, directory: str) -> None:
        """Write into ``directory``, which must exist; the file comes with the first chunk."""
        self.directory = directory
        self.path = ""
        self.number = 0
        self.definer = Definer()

    def write(self, chunk: list[Any], definitions: list[tuple[Any, ...]]) -> None:
        """Append a chunk.

        Args:
            chunk: Ops.
            definitions: What they need to be understood.

        Raises:
            OSError: The directory is gone or full: what was in the chunk is lost.
        """
        out: list[tuple[Any, ...]] = []
        if not self.path:
            self._open(out, parent="")
        try:
            packed = self.definer.define(chunk, definitions, out)
            self._append(marshal.dumps(out, _FORMAT), marshal.dumps(packed, _FORMAT))
        except BaseException:  # also what a signal handler of the program raises
            self.definer.forget(out)
            if self.number == 0:
                self.path = ""
            raise

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
