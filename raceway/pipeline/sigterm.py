"""SIGTERM where the program leaves it its default action: what was tracked is delivered first.

That action ends a process without any Python code. ``_sigterm`` puts a handler of the operating
system in its place, of which Python, and so the program, knows nothing; it is there only while
events wait for delivery. It needs no thread of its own: the one that sends sees that the signal has
come while it waits (:func:`wake`, :func:`wait_for`). Whatever the program does about SIGTERM
replaces it, and is never replaced by it. The process still ends by the signal, in a bounded time. A
forked child has the default action again, until it tracks something itself.

Without that extension there is a handler in Python, for those who ask for it: it can be seen by
``signal.getsignal``, other handlers may pass on to it what they would not pass on to the default
action, and Python runs it only between two steps of the main thread.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal, without its enums
import os
from typing import TYPE_CHECKING, Any, Final

from raceway.model.compiled import load
from raceway.pipeline import ends, native

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_MARGIN = 1.5  # seconds for the rest: the disk, a warning

_handler, _ = load("raceway.pipeline._sigterm")

IN_C: Final = _handler is not None
"""Whether the extension is there."""


class _State:
    """What is in place in this process."""

    __slots__ = ("deliver", "expecting", "lock", "masks")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.lock = native.ReentrantLock()
        self.expecting: dict[int, float] = {}
        """By sender: the seconds that it may take to deliver what waits."""
        self.deliver: Callable[[], None] | None = None
        """What the handler in Python does first."""
        self.masks: dict[int, Any] = {}
        """By thread: the signal mask that it had before it forked."""


_state = _State()


def expect(sender: object, seconds: float, deliver: Callable[[], None]) -> None:
    """Deliver before SIGTERM ends this process: something waits. To be repeated now and then.

    Args:
        sender: Who has it.
        seconds: Longest time that it may take.
        deliver: What delivers, of all senders.
    """
    if _handler is None:
        return
    with _state.lock:
        limit = max(ends.GRACE, seconds, *_state.expecting.values()) + _MARGIN
        if _is_default() and _handler.arm(deliver, int(ends.GRACE * 1000), int(limit * 1000)):
            _state.expecting[id(sender)] = seconds


def relax(sender: object) -> None:
    """Let SIGTERM end this process at once: nothing waits.

    Args:
        sender: Who has nothing.
    """
    if _handler is None:
        return
    with _state.lock:
        if _state.expecting.pop(id(sender), None) is not None and not _state.expecting:
            _handler.disarm()


def wake() -> native.Flag:
    """Return a flag for a thread that sends: it sees SIGTERM while it waits for that."""
    if _handler is not None:
        try:
            flag: native.Flag = _handler.Wake()
        except OSError:  # there are dozens already, and one that sees it is enough
            pass
        else:
            return flag
    return native.Signal()


def wait_for(sock: Any, seconds: float, *, writing: bool = False) -> bool:
    """Wait for a socket, and see SIGTERM meanwhile.

    Args:
        sock: It.
        seconds: Longest time to wait.
        writing: Whether something is to be sent, and not received.

    Returns:
        False if the time ran out. Without the extension True at once: what is done next waits.
    """
    if _handler is None:
        return True
    return bool(_handler.wait_for_socket(sock.fileno(), writing, seconds))


def _is_default() -> bool:
    # Not by the module "signal": under raceway-run that one hides a handler.
    return bool(_signal.getsignal(_signal.SIGTERM) == _signal.SIG_DFL)


# --- without the extension -----------------------------------------------------------------------


def catch(deliver: Callable[[], None]) -> bool:
    """Deliver before SIGTERM ends this process, also where that can be seen.

    Args:
        deliver: Called first; the process then ends by the signal, with the same status as ever.

    Returns:
        Whether that is so: a handler in Python can be put there by the main thread only.
    """
    import signal

    if _handler is not None or _state.deliver is not None:
        return True
    if ends.is_watched_elsewhere() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
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
    if in_child:
        _state.forget()
    if mask is None:
        return
    import signal

    if in_child and signal.getsignal(signal.SIGTERM) is _on_terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
