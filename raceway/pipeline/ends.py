"""The ends of a process that ``atexit`` does not know: ``os._exit``, ``os.exec*`` and SIGTERM.

``os._exit``, ``os.execv`` and ``os.execve``, in which all of ``os.exec*`` end, are replaced by
functions that deliver first. They do nothing else, and a process that has tracked nothing since it
was forked waits for nothing.

SIGTERM's default action ends a process without any Python code. A handler in its place is an
option, not the default: it can be seen by ``signal.getsignal``, other handlers may pass on to it
what they would not pass on to the default action, and Python runs it only between two steps of
the main thread. A forked child gets the default action back.

Under ``raceway-run`` all of this is done there, and nothing here.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING

from raceway.pipeline import native

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any


class _State:
    """What is in place in this process."""

    __slots__ = ("deliver", "masks", "watched")

    def __init__(self) -> None:
        self.watched = False
        self.deliver: Callable[[], None] | None = None
        """What the handler of SIGTERM does first."""
        self.masks: dict[int, Any] = {}
        """By thread: the signal mask that it had before it forked."""


_state = _State()


def watch(ending: Callable[[], None], leaving: Callable[[], None]) -> None:
    """Deliver before this process ends by ``os._exit`` or becomes another program; once.

    Args:
        ending: Called when the process ends for sure.
        leaving: Called when another program is to take its place, which can fail.
    """
    if _state.watched or _is_watched_elsewhere():
        return
    _state.watched = True
    takes_descriptors = getattr(os, "execve", None) in os.supports_fd
    os._exit = _ending(os._exit, ending)
    for name in ("execv", "execve"):
        if hasattr(os, name):
            setattr(os, name, _leaving(getattr(os, name), leaving))
    if takes_descriptors:
        os.supports_fd.add(os.execve)  # a set of functions, in which programs look


def _is_watched_elsewhere() -> bool:
    exits = sys.modules.get("raceway_autopatch.exits")
    return exits is not None and bool(exits.is_installed())


def _ending(original: Callable[..., Any], ending: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def _exit(*args: Any, **kwargs: Any) -> Any:
        try:
            ending()
        finally:  # what a signal handler raises meanwhile has nowhere to go
            original(*args, **kwargs)

    return _exit


def _leaving(original: Callable[..., Any], leaving: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def execute(*args: Any, **kwargs: Any) -> Any:
        leaving()
        return original(*args, **kwargs)

    return execute


def catch_sigterm(deliver: Callable[[], None]) -> bool:
    """Deliver before SIGTERM ends this process, if its action is the default one.

    Args:
        deliver: Called first; the process then ends by the signal, with the same status as ever.

    Returns:
        Whether the handler is in place: only the main thread can put it there.
    """
    import signal

    if _state.deliver is not None:
        return True
    if _is_watched_elsewhere() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        return False
    try:
        signal.signal(signal.SIGTERM, _on_terminate)
    except ValueError:  # not the main thread
        return False
    _state.deliver = deliver
    return True


def _on_terminate(signum: int, _frame: FrameType | None) -> None:
    import signal

    try:
        if _state.deliver is not None:
            _state.deliver()
    finally:
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)


def before_fork() -> None:
    """Keep SIGTERM waiting: a child would forget one that comes before Python has taken it over."""
    if _state.deliver is not None:
        import signal

        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
        _state.masks[native.get_ident()] = before


def after_fork(*, in_child: bool) -> None:
    """Let SIGTERM through again; in the child it ends the process at once.

    Args:
        in_child: Which of the two processes this is.
    """
    mask = _state.masks.pop(native.get_ident(), None)
    if mask is None:
        return
    import signal

    if in_child:
        _state.deliver = None
        _state.masks.clear()
        if signal.getsignal(signal.SIGTERM) is _on_terminate:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
