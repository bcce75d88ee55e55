"""The life of a process, as far as delivery is concerned: its end, and its forks.

What was tracked leaves the process before it ends, within a bounded time. A forked child begins
with an empty buffer, a thread and a connection of its own; what its parent had not sent yet is
sent by the parent.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING
from weakref import WeakSet

from raceway.pipeline import ends, native, sigterm
from raceway.pipeline import transport as transport_module

if TYPE_CHECKING:
    from raceway.pipeline.sender import Sender

_senders: WeakSet[Sender] = WeakSet()


def register(sender: Sender) -> None:
    """Let a sender hear of forks, and of the end of the process."""
    _senders.add(sender)


_at_exit_pids: set[int] = set()


def register_at_exit() -> None:
    """Deliver what is left when this process ends; once per process, with the first event."""
    pid = os.getpid()
    if pid in _at_exit_pids:
        return
    inherited = bool(_at_exit_pids)
    _at_exit_pids.add(pid)
    if not inherited:
        atexit.register(close_all)
        ends.watch(close_all, leave_all, stay_all)
    # A multiprocessing child ends with os._exit(), which runs no atexit handlers.
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, close_all, exitpriority=0)


def close_all() -> None:
    """Deliver what every client of this process has tracked: it ends now."""
    for sender in list(_senders):
        try:
            if sender.at_exit:
                sender.close_at_exit()
        except Exception:  # noqa: S110 - the process ends, and so it shall
            pass


def expect_sigterm(sender: Sender, seconds: float) -> None:
    """Deliver before SIGTERM ends this process, if that is its action: something waits.

    Args:
        sender: Who has it.
        seconds: Longest time that it may take.
    """
    sigterm.expect(sender, seconds, _close_outside)


def catch_sigterm() -> None:
    """Deliver before SIGTERM ends this process, also where that can be seen."""
    sigterm.catch(close_all)


def _close_outside() -> None:
    """Do what :func:`close_all` does, in a thread that nobody else has to do with."""
    native.leave_alone()
    close_all()


def leave_all() -> None:
    """Deliver what every client of this process has tracked: another program takes its place."""
    for sender in list(_senders):
        try:
            sender.leave(ends.GRACE)
        except Exception:  # noqa: S110 - as above
            pass


def stay_all() -> None:
    """Go on after :func:`leave_all`: it could not."""
    for sender in list(_senders):
        sender.stay()


def losses() -> list[str]:
    """Return a sentence about each client of this process that has lost events."""
    found = []
    for sender in list(_senders):
        stats = sender.stats()
        if sender.at_exit and stats.dropped + stats.unconfirmed:
            found.append(
                f"events that the client has sent to {sender.endpoint}: of {stats.accepted}"
                f" {stats.sent} arrived, {stats.dropped} were lost and of"
                f" {stats.unconfirmed} nobody knows"
            )
    return found


_importing_held = False


def _before_fork() -> None:
    global _importing_held  # noqa: PLW0603 - handed from one fork hook to the next
    # Bounded, because a program must be able to fork whatever an import is waiting for. A child
    # that is forked in the middle of one cannot send, and importing takes seconds if twenty
    # processes do it on two processors.
    _importing_held = transport_module.importing.acquire(timeout=10.0)
    for sender in list(_senders):
        sender.nudge()  # events of the parent should be at the server before the child's
    sigterm.before_fork()


def _after_fork_in_parent() -> None:
    global _importing_held  # noqa: PLW0603 - as above
    if _importing_held:
        _importing_held = False
        transport_module.importing.release()
    sigterm.after_fork(in_child=False)


def _after_fork_in_child() -> None:
    transport_module.importing = native.allocate_lock()
    for sender in list(_senders):
        sender.after_fork()
    sigterm.after_fork(in_child=True)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
