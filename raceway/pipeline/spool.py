"""Events on the disk: where those wait that find no room in memory, or that the end overtakes.

In the folder that the user names every process has a folder of its own, and in it segments: files
with one event a line, as JSON, the oldest first. A process that ends with events left leaves its
folder; the next one that uses the same spool takes it over. Whose process is alive is told by a
lock on a file in the folder, which the kernel takes away with the process: a process id may be
somebody else's by then, or that of another container.

A segment is removed when it is read, before it is sent: what is lost if the process is killed in
that moment is not sent twice.

Nothing here raises for what a disk can do: what cannot be written stays where it was.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING

from raceway.pipeline import transport as transport_module

if TYPE_CHECKING:
    from collections.abc import Sequence

SEGMENT_BYTES = 4 * 1024 * 1024
_FIRST = 1_000_000  # number of the first segment: there is room before it
_LOCK = "lock"
_SUFFIX = ".events"


class Spool:
    """The events of one process on the disk. For one thread at a time.

    Args:
        folder: Where; it is made if it does not exist, for its owner alone.
        limit: Most that the segments of this process take, in bytes.

    Attributes:
        count: Events that are there.
        bytes: Their size.
        missing: Events that were there and cannot be read any more, since it was last looked at.
        problem: Why something could not be written or read; empty if all went well.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     spool = Spool(folder, 1000)
        ...     taken = spool.write([b"{}", b'{"n":1}'])
        ...     taken, spool.count, spool.read(), spool.count
        (2, 2, [b'{}', b'{"n":1}'], 0)
    """

    def __init__(self, folder: str, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self.problem = ""
        self._begin()

    def _begin(self) -> None:
        self.count = self.bytes = self.missing = 0
        self._own = ""
        self._locks: list[int] = []
        # Of each: path, how many events, how many bytes.
        self._segments: deque[tuple[str, int, int]] = deque()
        self._serial = _FIRST

    def write(self, events: Sequence[bytes], *, oldest: bool = False) -> int:
        """Put events behind those that are there.

        Args:
            events: Each as JSON, without line ends.
            oldest: Put them before those that are there.

        Returns:
            How many found room: the first ones.
        """
        if oldest and self._segments:
            folder, name = os.path.split(self._segments[0][0])
            before = int(name.partition("-")[0]) - 1
            size = sum(map(len, events)) + len(events)
            return len(events) if self._write_segment(events, size, folder, before) else 0
        done = 0
        while done < len(events):
            size = end = 0
            for end in range(done, len(events)):
                size += len(events[end]) + 1
                if size >= SEGMENT_BYTES:
                    break
            part = events[done : end + 1]
            if self.bytes + size > self._limit:
                self.problem = f"the spool is full: {self._folder} ({self._limit} bytes)"
                return done
            self._serial += 1
            if not self._write_segment(part, size, "", self._serial):
                return done
            done += len(part)
        return done

    def _write_segment(self, events: Sequence[bytes], size: int, folder: str, serial: int) -> bool:
        path = ""
        try:
            if not folder:
                if not self._own:
                    self._open()
                folder = self._own
            path = os.path.join(folder, f"{serial:012d}-{len(events)}{_SUFFIX}")
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(b"\n".join(events) + b"\n")
        except OSError as error:
            self.problem = f"the spool cannot be written: {error}"
            _remove(path)  # half of it may be there
            return False
        segment = (path, len(events), size)
        if self._segments and path < self._segments[0][0]:
            self._segments.appendleft(segment)
        else:
            self._segments.append(segment)
        self.count += len(events)
        self.bytes += size
        return True

    def read(self) -> list[bytes]:
        """Take the oldest segment out.

        Returns:
            Its events; none if there is no segment, or it cannot be read.
        """
        while self._segments:
            path, count, size = self._segments.popleft()
            self.count -= count
            self.bytes -= size
            try:
                with open(path, "rb") as file:
                    lines = file.read().split(b"\n")
                os.remove(path)  # before it is sent: see above
            except OSError as error:
                self.problem = f"the spool cannot be read: {error}"
                self.missing += count
                continue
            events = [line for line in lines if line.startswith(b"{") and line.endswith(b"}")]
            self.missing += count - len(events)
            if events:
                return events
        return []

    def segments(self) -> frozenset[str]:
        """Return what is there now, for :meth:`reduce_to`."""
        return frozenset(path for path, _, _ in self._segments)

    def reduce_to(self, before: frozenset[str]) -> None:
        """Remove what has been written since.

        Args:
            before: What was there then.
        """
        for segment in list(self._segments):
            path, count, size = segment
            if path not in before:
                self._segments.remove(segment)
                self.count -= count
                self.bytes -= size
                _remove(path)

    def adopt(self) -> int:
        """Take over what processes have left that are gone.

        Returns:
            How many events.
        """
        found = 0
        try:
            folders = sorted(entry.path for entry in os.scandir(self._folder) if entry.is_dir())
        except OSError:  # it has not been made yet
            return 0
        for folder in folders:
            if folder != self._own and (lock := _lock(folder)) is not None:
                self._locks.append(lock)
                found += self._take(folder)
        return found

    def _take(self, folder: str) -> int:
        found = 0
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            self.problem = f"the spool cannot be read: {error}"
            return 0
        for name in names:
            count = name.removesuffix(_SUFFIX).rpartition("-")[2]
            if name.endswith(_SUFFIX) and count.isdecimal():
                self._segments.append((os.path.join(folder, name), int(count), 0))
                found += int(count)
        self.count += found
        return found

    def close(self) -> None:
        """Leave what is there to the next process; remove folders in which nothing is left."""
        kept = {os.path.dirname(path) for path, _, _ in self._segments}
        try:
            folders = [entry.path for entry in os.scandir(self._folder) if entry.is_dir()]
        except OSError:
            folders = []
        for folder in folders:
            if folder not in kept and (folder == self._own or self._holds(folder)):
                _remove(os.path.join(folder, _LOCK))
                try:
                    os.rmdir(folder)
                except OSError:  # a segment that could not be read is in it
                    pass
        self.forget()

    def forget(self) -> None:
        """Have nothing to do with what is there: it belongs to the parent of this process."""
        for lock in self._locks:
            try:
                os.close(lock)
            except OSError:  # a program may close all descriptors
                pass
        self._begin()

    def _open(self) -> None:
        os.makedirs(self._folder, 0o700, exist_ok=True)
        own = os.path.join(self._folder, f"{time.time_ns()}-{os.getpid()}")
        os.mkdir(own, 0o700)
        lock = _lock(own)
        if lock is None:
            raise OSError(f"{own} is locked")
        self._own = own
        self._locks.append(lock)

    def _holds(self, folder: str) -> bool:
        path = os.path.join(folder, _LOCK)
        try:
            known = os.stat(path)
            return any(os.path.samestat(os.fstat(lock), known) for lock in self._locks)
        except OSError:
            return False


def _lock(folder: str) -> int | None:
    """Lock a folder; None if its process is alive."""
    try:
        with transport_module.importing:
            import fcntl  # late: there is none on Windows, where nothing is taken over
    except ImportError:
        return -1 if not os.path.exists(os.path.join(folder, _LOCK)) else None
    try:
        lock = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        pass
