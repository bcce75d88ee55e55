"""The op log: append-only files for each process of a run.

A log goes on in another part when it is long, so that its reader can remove what has been
analysed.  If the analysis is too far behind, the log ends: the disk is the user's.

A part is a sequence of chunks, each a header (:data:`HEADER`) and two blobs: the definitions that
are new, written by ``marshal``, then the ops, by ``marshal`` or, shorter and faster, by the
accelerator (:mod:`raceway.record.packing`).  ``marshal`` is the fastest encoder of scalars that
every interpreter has; version 2 of its format has been the same since Python 2.5 and keeps no table
of references.  The file is opened for each chunk: a descriptor that stays open would be seen by
programs that count or close theirs, and after ``os.closerange`` our number might be somebody
else's file.
"""

from __future__ import annotations

import errno
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

    from raceway.record.definer import Fresh

MAGIC = b"RWC1"
PACKED_MAGIC = b"RWC2"
"""Of a chunk whose ops are not written by ``marshal``."""
HEADER = struct.Struct("<4sIIId")
"""Magic, number of the chunk, bytes of the definitions, bytes of the ops, unix time."""
SUFFIX = ".oplog"
PRESENCE_SUFFIX = ".begun"
"""Of a file, named like a log, that holds the command of a process: it need not write a log."""
FAILED_SUFFIX = ".failed"
"""Of a file that says which errors of ours a process had: where, what and how often, by NUL."""
LIMIT_VARIABLE = "RACEWAY_MAX_LOG_MIB"
LIMIT_MIB = 1024
"""What a process may have written that has not been analysed."""
PART_BYTES = 16 << 20
"""Length from which on a log goes on in another part."""
_FORMAT = 2
_LOOK_EVERY = 1.0
"""Seconds."""
_NO_SCALAR = ("unmarshallable object",)
_SCALARS = frozenset({bool, bytes, float, int, str, type(None)})
_MODE = 0o600


class OpLog:
    """Packs chunks and appends them to this process's file in a run directory."""

    analysed_locally = True
    """What the program tracks by hand belongs in here too."""
    takes_buffers = True
    """A chunk may be what the accelerator has in the place of a list."""

    def __init__(self, directory: str) -> None:
        """Write into ``directory``, which must exist; the file comes with the first chunk."""
        self.directory = directory
        self.path = ""
        self.parent = ""
        self.number = 0
        self.definer = Definer()
        self.limit_mib, self.unusable_limit = _limit(os.environ.get(LIMIT_VARIABLE, ""))
        self._part_bytes = min(PART_BYTES, (self.limit_mib << 20) // 4)
        self._size = 0
        self._company = False
        self._look_again = 0.0
        self._parts: list[str] = []  # that may still be there, but for the last one
        self._packed: tuple[Any, bytes, Fresh, int] | None = None
        """The last chunk, and its bytes until they are written: whoever is interrupted goes on
        with the same ones."""

    def write(self, chunk: Any, definitions: list[tuple[Any, ...]]) -> None:
        """Append a chunk.

        A signal handler of the program may raise at any moment of this.  Called again with the
        same chunk, it appends the same bytes, and the reader knows them by their number.

        Args:
            chunk: Ops; it is empty afterwards.
            definitions: What they need to be understood.

        Raises:
            OSError: The directory is gone or full, or nothing can be opened, or the analysis is
                too far behind: the chunk was not written, and may be given once more.
        """
        if chunk and self._is_too_long():
            raise OSError(errno.EFBIG, f"the analysis is {self.limit_mib:,} MiB behind")
        if not self.path:
            name = f"{os.getpid()}-{time.time_ns()}{SUFFIX}"
            self.path = os.path.join(self.directory, name)
        if self._packed is None or self._packed[0] is not chunk:
            self._packed = chunk, *self._pack(chunk, definitions), self.number + 1
        _, data, fresh, following = self._packed
        if data:
            self._append(data)
            self.definer.commit(fresh)
            self.number = following
            self._packed = chunk, b"", {}, following
            chunk.clear()  # it would keep the program's code and types alive until the next one

    def has_company(self) -> bool:
        """Return whether another process is recorded into the same directory; now and then.

        The directory is looked at once a second at most, and not any more when there was one.
        """
        now = time.monotonic()
        if not self._company and now >= self._look_again:
            self._look_again = now + _LOOK_EVERY
            own = str(os.getpid())
            try:
                names = os.listdir(self.directory)
            except OSError:  # it is gone: so is whoever would be ordered
                names = []
            self._company = any(
                name.endswith((SUFFIX, PRESENCE_SUFFIX)) and name.partition("-")[0] != own
                for name in names
            )
        return self._company

    def reachable(self) -> bool:
        """Return whether the directory is there: when the run is over it is removed."""
        return os.path.isdir(self.directory)

    def leave_word(self, errors: list[tuple[str, str, int]]) -> None:
        """Say in a file of its own what has failed, since the log itself could not be written.

        Args:
            errors: Where, what and how often.
        """
        leave_word(self.directory, errors)

    def after_fork(self) -> None:
        """Begin a new file; what the parent defined is found in the parent's.

        Raises:
            OSError: It cannot be written now; it comes with the next chunk.
        """
        self.parent = os.path.basename(self.path).partition(SUFFIX)[0] + SUFFIX
        self.path = ""
        self.number = 0
        self._size = 0
        self._parts = []
        self._packed = None
        self.write([], [])

    def _is_too_long(self) -> bool:
        """Go on in another part if this one is long; tell whether that would be too much."""
        if self._size < self._part_bytes:
            return False
        self._parts = [part for part in self._parts if os.path.exists(part)]
        if (len(self._parts) + 1) * self._part_bytes >= self.limit_mib << 20:
            return True
        self._parts.append(self.path)
        self.path = next_part(self.path)
        self._size = 0
        return False

    def _pack(self, chunk: Any, definitions: list[tuple[Any, ...]]) -> tuple[bytes, Fresh]:
        head = []
        if self.number == 0:
            head.append(self._process())
            if self.unusable_limit:
                text = f"{LIMIT_VARIABLE}={self.unusable_limit} is no number of MiB"
                head.append((ops.DEF_NOTE, f"{text}; it is {LIMIT_MIB}"))
        if type(chunk) is not list:
            out = head[:]
            whole, fresh = self.definer.pack(chunk, definitions, out)
            if whole is not None:
                return self._data(PACKED_MAGIC, out, whole), fresh
            chunk = chunk[:]
        packed, fresh = self.definer.define(chunk, definitions, head)
        try:
            blob = marshal.dumps(packed, _FORMAT)
        except ValueError as error:
            if error.args != _NO_SCALAR:
                raise  # a signal handler of the program has
            blob = marshal.dumps(_plain(packed), _FORMAT)
        return self._data(MAGIC, head, blob), fresh

    def _data(self, magic: bytes, definitions: list[tuple[Any, ...]], ops_blob: bytes) -> bytes:
        try:
            first = marshal.dumps(definitions, _FORMAT)
        except ValueError as error:
            if error.args != _NO_SCALAR:
                raise
            first = marshal.dumps(_plain(definitions), _FORMAT)
        header = HEADER.pack(magic, self.number, len(first), len(ops_blob), time.time())
        return header + first + ops_blob

    def _process(self) -> tuple[Any, ...]:
        command = tuple(str(part) for part in getattr(sys, "orig_argv", sys.argv))
        version = "{}.{}.{}".format(*sys.version_info)
        return ops.DEF_PROCESS, os.getpid(), self.parent, command, version, time.time()

    def _append(self, data: bytes) -> None:
        descriptor = self._opened()
        try:
            if self._size == 0:
                os.fchmod(descriptor, _MODE)  # the program's umask may forbid it even to us
            start = os.fstat(descriptor).st_size
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                self._size = start + len(data)
            except BaseException:  # full, or a signal handler of the program has raised
                os.ftruncate(descriptor, start)  # behind half a chunk nothing could be read
                raise
        finally:
            os.close(descriptor)

    def _opened(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        try:
            return os.open(self.path, flags, _MODE)
        except PermissionError:  # the process has become another user's
            if self.number == 0:
                raise
        continued = next_part(self.path)
        descriptor = os.open(continued, flags, _MODE)
        self.path = continued
        os.fchmod(descriptor, _MODE)
        return descriptor


def _limit(text: str) -> tuple[int, str]:
    """Return the limit in MiB, and the text if it is none."""
    if text.strip().isdecimal() and int(text) > 0:
        return int(text), ""
    return LIMIT_MIB, text


def next_part(path: str) -> str:
    """Return the name of the file in which a log goes on.

    It does when it is long, or when its process may not open it any more.

    Example:
        >>> next_part("/run/12-345.oplog"), next_part("/run/12-345.oplog.1")
        ('/run/12-345.oplog.1', '/run/12-345.oplog.2')
    """
    log, part = path.rsplit(SUFFIX, 1)
    return f"{log}{SUFFIX}.{int(part[1:] or 0) + 1}"


def leave_word(directory: str, errors: list[tuple[str, str, int]]) -> None:
    """Write which errors of ours this process had into a run directory; never fails.

    Args:
        directory: The run directory.
        errors: Where, what and how often.
    """
    try:
        path = os.path.join(directory, f"{os.getpid()}-{time.time_ns()}{FAILED_SUFFIX}")
        fields = [f"{where}\0{text}\0{count}" for where, text, count in errors]
        data = "\0".join(fields).encode("utf-8", "backslashreplace")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError:  # as the log
        pass


def _plain(item: Any) -> Any:
    """Return ``item`` with text in the place of what is no scalar; the rest must not be lost."""
    if type(item) in {list, tuple}:
        return type(item)(map(_plain, item))
    return item if type(item) in _SCALARS else f"<{type(item).__name__}>"
