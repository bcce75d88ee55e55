"""os.pipe: what was written happens before who reads it, within one process.

Emits: hand-off before bytes are written and before the end that writes is closed, receive for the
bytes and the end that have come.

Descriptors are numbers, and the system gives them out again: the pipe that one stands for is asked
for by its inode.  Pipes that the standard library makes for itself (``subprocess``, ``asyncio``)
are left alone.
"""

from __future__ import annotations

import os

from raceway.record import recorder
from raceway_autopatch.byte_streams import Direction
from raceway_autopatch.internals import caller, is_internal
from raceway_autopatch.patching import apply, around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from raceway_autopatch.patching import Applied

SUPPORTS = None


class _Pipe:
    """One pipe, and which one it is for the system."""

    __slots__ = ("direction", "inode")

    def __init__(self, descriptor: int) -> None:
        self.direction = Direction()
        self.inode = _inode(descriptor)


_pipes: dict[int, _Pipe] = {}
"""By each of their descriptors."""


def _inode(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _direction(descriptor: int) -> Direction | None:
    pipe = _pipes.get(descriptor)
    if pipe is None:  # another thread has closed it
        return None
    try:
        if _inode(descriptor) == pipe.inode:
            return pipe.direction
    except OSError:  # likewise
        pass
    _pipes.pop(descriptor, None)
    return None


@contained
def _made(ends: tuple[int, int]) -> None:
    pipe = _Pipe(ends[0])
    for descriptor in ends:
        _pipes[descriptor] = pipe
    if len(_applied) == 1:  # the first one: until now nothing else was of interest
        _applied.append(apply(os, _USED))


@contained
def _writing(descriptor: int) -> Direction | None:
    direction = _direction(descriptor) if recorder.status.active else None
    if direction is not None:
        direction.send()
    return direction


@contained
def _was_read(descriptor: int, count: int) -> None:
    direction = _direction(descriptor) if recorder.status.active else None
    if direction is not None:
        direction.receive(count)


@contained
def _closing(descriptor: int) -> None:
    _writing(descriptor)
    _pipes.pop(descriptor, None)


# ---------------------------------------------------------------- functions


def _pipe(original: Callable[..., Any]) -> Callable[..., Any]:
    def pipe(*args: Any) -> Any:
        ends = original(*args)
        if not is_internal(caller().f_globals):
            _made(ends)
        return ends

    return pipe


def _write(original: Callable[..., Any]) -> Callable[..., Any]:
    def write(fd: Any, *args: Any) -> Any:
        if type(fd) is not int or fd not in _pipes:
            return original(fd, *args)
        direction = _writing(fd)
        count = original(fd, *args)
        if direction is not None:
            direction.sent += count
        return count

    return write


def _read(original: Callable[..., Any]) -> Callable[..., Any]:
    def read(fd: Any, *args: Any) -> Any:
        data = original(fd, *args)
        if type(fd) is int and fd in _pipes:
            _was_read(fd, data if type(data) is int else len(data))
        return data

    return read


def _close(original: Callable[..., Any]) -> Callable[..., Any]:
    def close(fd: Any) -> None:
        if type(fd) is int and fd in _pipes:
            _closing(fd)
        original(fd)

    return close


_MADE = (around("pipe", _pipe), around("pipe2", _pipe, optional=True))
_USED = (
    around("write", _write),
    around("writev", _write, optional=True),
    around("read", _read),
    around("readv", _read, optional=True),
    around("close", _close),
)
_applied: list[Applied] = []


def setup() -> None:
    """Patch ``os``: no import of it could be waited for, the interpreter begins with it."""
    _applied.append(apply(os, _MADE))


def teardown() -> None:
    """Take everything back, and forget the pipes."""
    while _applied:  # nothing, if it could not be patched
        _applied.pop().undo()
    _pipes.clear()


PATCHES = ()
