"""The birth of a forked process, and waiting for its end.

Emits: fork of the child, and join for who is told of its end by ``os.wait*``.

The birth itself is recorded by the hooks of ``os.register_at_fork``, which see every fork: that of
``os.fork``, of ``pty`` and of multiprocessing.
"""

from __future__ import annotations

import os

from raceway.record import recorder, shared
from raceway_autopatch import patching
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_children: dict[int, tuple[int, shared.Birth]] = {}
"""By process id: the parent's id, and the birth.  A child knows nothing of its siblings."""


def install() -> None:
    """Let the recorder name the processes that are forked; calling it again changes nothing."""
    if _state.applied is None:
        recorder.forking, recorder.forked = contained(shared.forking), contained(shared.forked)
        _state.applied = patching.apply(os, _PATCHES)


def uninstall() -> None:
    """Leave forks alone again."""
    recorder.forking = recorder.forked = None
    if _state.applied is not None:
        _state.applied.undo()
        _state.applied = None


class _State:
    """What is installed in this process."""

    __slots__ = ("applied",)

    def __init__(self) -> None:
        self.applied: patching.Applied | None = None


_state = _State()


def _has_forked(pid: int) -> None:
    birth = recorder.local.__dict__.pop("forked", None)
    if birth is not None and pid > 0:
        _children[pid] = os.getpid(), birth


def _fork(original: Callable[..., Any]) -> Callable[..., Any]:
    noted = contained(_has_forked)

    def fork() -> Any:
        pid = original()
        noted(pid)
        return pid

    return fork


def _forkpty(original: Callable[..., Any]) -> Callable[..., Any]:
    noted = contained(_has_forked)

    def forkpty() -> Any:
        pid, descriptor = original()
        noted(pid)
        return pid, descriptor

    return forkpty


def _reaped(pid: int, status: int) -> None:
    known = _children.pop(pid, None)
    if known is not None and known[0] == os.getpid():
        birth = known[1]
        shared.ended(birth.actor, pid, os.waitstatus_to_exitcode(status), birth.title)


def _wait(original: Callable[..., Any]) -> Callable[..., Any]:
    reaped = contained(_reaped)

    def wait(*args: Any, **kwargs: Any) -> Any:
        answer = original(*args, **kwargs)
        pid, status = answer[:2]
        if pid and (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
            reaped(pid, status)
        return answer

    return wait


_PATCHES = (
    around("fork", _fork, optional=True),
    around("forkpty", _forkpty, optional=True),
    around("wait", _wait, optional=True),
    around("waitpid", _wait, optional=True),
    around("wait3", _wait, optional=True),
    around("wait4", _wait, optional=True),
)
