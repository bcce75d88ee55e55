"""Threads and locks as the operating system knows them, whoever has patched ``threading``.

The sender must run on a real thread even if gevent has replaced the thread primitives, and must not
appear in what our own instrumentation of ``threading`` records. Therefore everything here comes
from ``_thread``, bound when this module is imported, or from what gevent has put aside.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal, without its enums
import _thread
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


def _original(name: str) -> Any:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None:
        return monkey.get_original("_thread", name)
    return getattr(_thread, name)


allocate_lock = _original("allocate_lock")
_start_new_thread = _original("start_new_thread")
get_ident = _original("get_ident")
Local: type = _original("_local")
# In C: one indivisible step each, so that a finaliser or a signal handler that tracks something
# while the same thread holds the lock gets in instead of waiting for itself for ever.
ReentrantLock = _original("RLock")


def start_new_thread(function: Callable[..., None], args: tuple[Any, ...]) -> None:
    """Start a thread of ours, from one of the program's. The program's signals are not for it.

    Args:
        function: What it does.
        args: For it.

    Raises:
        RuntimeError: The system, or an interpreter that ends, gives no more threads.
    """
    # threading takes whoever imports it first for the main thread. That must not be a thread of
    # ours, which imports logging and with it threading if something goes wrong: main_thread() would
    # be wrong, and a forked child would wait for it for ever at its end (CPython 3.10 to 3.12).
    import threading  # noqa: F401

    _start_new_thread(_run, (function, args))


def _run(function: Callable[..., None], args: tuple[Any, ...]) -> None:
    _block_signals()
    function(*args)


_alone: Any = Local()


def leave_alone() -> None:
    """Let this thread wait as the operating system does: no greenlet runs in it, and none shall."""
    _alone.yes = True


def _block_signals() -> None:
    """Leave the signals that are sent to the process to the threads of the program.

    One that is blocked in all of them, so that ``sigwait`` gets it, would otherwise find a thread
    of ours, and end the process.
    """
    if hasattr(_signal, "pthread_sigmask"):  # not on Windows
        # But for what a thread does itself: faulthandler shall see a crash of ours.
        own = {_signal.SIGSEGV, _signal.SIGBUS, _signal.SIGFPE, _signal.SIGILL}
        _signal.pthread_sigmask(_signal.SIG_SETMASK, _signal.valid_signals() - own)


class Process:
    """Which process this is. Asking the system for the pid costs more than recording an event."""

    __slots__ = ("pid",)

    def __init__(self) -> None:
        self.ask()

    def ask(self) -> None:
        """Ask the system."""
        self.pid = os.getpid()


process = Process()
"""This process; what is compared with ``process.pid`` notices a process fork."""

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=process.ask)


class Flag(Protocol):
    """A flag that one thread waits for and any thread may raise."""

    def set(self) -> None:
        """Wake the waiter, or let its next wait return at once."""

    def wait(self, timeout: float, /) -> bool:
        """Wait until the flag is raised, take it down again; False if the time ran out."""


class Signal:
    """A :class:`Flag` of Python's."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def set(self) -> None:
        """Wake the waiter, or let its next wait return at once."""
        try:
            self._lock.release()
        except RuntimeError:  # already set
            pass

    def wait(self, timeout: float) -> bool:
        """Wait until the flag is raised, take it down again.

        Args:
            timeout: Longest time to wait, in seconds; negative means without a limit.

        Returns:
            False if the time ran out.
        """
        return bool(self._lock.acquire(True, max(timeout, 0) if timeout >= 0 else -1))

    def wait_cooperatively(self, timeout: float) -> bool:
        """Wait like :meth:`wait`, but let the greenlets of a patched process run meanwhile.

        Args:
            timeout: Longest time to wait, in seconds.
        """
        if not gevent_active() or getattr(_alone, "yes", False):
            return self.wait(timeout)
        deadline = time.monotonic() + timeout
        while not self._lock.acquire(False):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.002)  # gevent's: a native wait would stop every greenlet of the thread
        return True


def gevent_active() -> bool:
    """Return whether gevent has patched the blocking calls of this process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("time"))
