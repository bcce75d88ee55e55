"""The ends of a process: what has been recorded leaves it before they happen.

A process ends in more ways than ``atexit`` knows: children of ``os.fork`` and multiprocessing call
``os._exit``, servers are stopped by SIGTERM, ``os.exec*`` puts another program in its place.

``os.execv`` and ``os.execve`` are wrapped, which all of ``os.exec*`` end in.  An audit hook would
see them too, but it is called for each ``sys._getframe``, that is, for each recorded access: it
makes that six times as expensive (58 -> 410 ns), and can never be removed.

SIGTERM's default action ends a process without any Python code.  So while the program leaves the
default in place, a handler of ours stands for it: it writes out, restores the default and sends
the signal again, so that the status stays the same.  ``signal.signal`` and ``signal.getsignal``
go on to speak of ``SIG_DFL``, ``_thread.interrupt_main`` does nothing, and setting ``SIG_DFL`` sets
ours: servers save the handler, set their own, restore it and raise the signal once more.  Only the
main thread can do that; elsewhere SIGTERM is left alone.  SIGINT always is: asyncio looks for
Python's own handler.

A forked child gets the default action back.  A handler in Python runs when the interpreter looks
next, and a signal that comes right before the call that a child goes to sleep in is not seen: of
1,200 children that were terminated as soon as they had been started, one or two hung, and one in
twelve where the fork was another thread's.  So a child of multiprocessing writes out what it has
before it waits for others; what any other one has when it is stopped is lost.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what signal.py is made of: no enum, no stub
import _thread
import atexit
import os
import sys

from raceway_autopatch import patching
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any


class _State:
    """What is installed in this process."""

    __slots__ = ("applied", "at_exit", "interrupts", "leave", "stands_in", "stay", "write")

    def __init__(self) -> None:
        self.applied: patching.Applied | None = None
        self.interrupts: patching.Applied | None = None
        self.leave: Callable[[], None] | None = None
        self.stay: Callable[[], None] | None = None
        self.stands_in = True
        """Whether SIGTERM's default action may be replaced."""
        self.at_exit: Callable[[], None] | None = None
        self.write: Callable[[], None] | None = None


_state = _State()


def install(
    leave: Callable[[], None],
    stay: Callable[[], None],
    at_exit: Callable[[], None],
    write: Callable[[], None],
    *,
    forked: bool = False,
) -> None:
    """Call ``leave`` before this process ends in whichever way.

    Args:
        leave: Writes out what was recorded; the process may go on (``exec`` can fail).
        stay: Called when it has failed.
        at_exit: The same, when it is certain that the process ends.
        write: The same, when the process goes on, but perhaps not where its log is (``chroot``).
        forked: This process was forked: SIGTERM is left alone.
    """
    if _state.applied is not None:
        return
    _state.leave = contained(leave, "process exit")
    _state.stay = contained(stay, "process exit")
    _state.at_exit = contained(at_exit, "process exit")
    _state.write = contained(write, "process exit")
    # First registered is last called: what other exit functions do is recorded too.
    atexit.register(_end)
    takes_descriptors = getattr(os, "execve", None) in os.supports_fd
    _state.applied = patching.apply(
        os,
        (
            around("_exit", _ending_first),
            around("execv", _leaving_first, optional=True),
            around("execve", _leaving_first, optional=True),
            around("chroot", _writing_first, optional=True),
        ),
    )
    if takes_descriptors:
        os.supports_fd.add(os.execve)  # a set of functions, in which programs look
    _state.stands_in = not forked and hasattr(_signal, "SIGTERM")
    if _state.stands_in and _signal.getsignal(_signal.SIGTERM) == _signal.SIG_DFL:
        _set_terminate(_on_terminate)
        _guard_forks()
        _state.interrupts = patching.apply(
            _thread, (around("interrupt_main", _interrupt_wrapper, optional=True),)
        )


def is_installed() -> bool:
    """Return whether the ends of this process are seen to here."""
    return _state.applied is not None


def uninstall() -> None:
    """Leave no residue; calling it again changes nothing."""
    if _state.applied is None:
        return
    os.supports_fd.discard(getattr(os, "execve", None))
    _state.applied.undo()
    _state.applied = None
    if _state.interrupts is not None:
        _state.interrupts.undo()
        _state.interrupts = None
    atexit.unregister(_end)
    _state.leave = _state.stay = _state.at_exit = _state.write = None
    if hasattr(_signal, "SIGTERM") and _signal.getsignal(_signal.SIGTERM) is _on_terminate:
        _set_terminate(_signal.SIG_DFL)


def _end() -> None:
    """Run as an exit function."""
    at_exit = _state.at_exit
    if at_exit is not None:
        _tell_of_failure()
        at_exit()
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        # A program that ends by Ctrl-C kills itself by SIGINT at last, if CPython still knows:
        # each exec() of a string makes it forget, and namedtuple and dataclass are made of that.
        # An exec() that ends the same way reminds it.
        try:
            exec("raise KeyboardInterrupt")  # noqa: S102 - a constant
        except KeyboardInterrupt:
            pass


@contained
def _tell_of_failure() -> None:
    """Record the exception that the program ends with, if it does."""
    error = getattr(sys, "last_value", None)
    main = getattr(sys.modules.get("__main__"), "__dict__", None)
    recorder = sys.modules.get("raceway.record.recorder")
    traceback = getattr(error, "__traceback__", None)
    while traceback is not None and recorder is not None:
        frame = traceback.tb_frame
        if frame.f_globals is main and frame.f_code.co_name == "<module>":
            recorder.failed(error)
            return
        traceback = traceback.tb_next


_BOOTSTRAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap")


def _first_again(path: str) -> str:
    """Return ``PYTHONPATH`` with our folder at its front, if it is in there.

    Launchers of other tools put folders before it whose ``sitecustomize`` does not go on to the
    next one.  Ours does.
    """
    folders = path.split(os.pathsep)
    if _BOOTSTRAP in folders[1:]:
        folders.remove(_BOOTSTRAP)
        folders.insert(0, _BOOTSTRAP)
    return os.pathsep.join(folders)


def _leaving_first(original: Callable[..., Any]) -> Callable[..., Any]:
    first_again = contained(_first_again)

    def leaving(*args: Any, **kwargs: Any) -> Any:
        leave, stay = _state.leave, _state.stay
        if leave is None or stay is None:
            return original(*args, **kwargs)
        try:
            leave()
            return execute(*args, **kwargs)
        finally:  # it has failed
            stay()

    def execute(*args: Any, **kwargs: Any) -> Any:
        before = os.environ.get("PYTHONPATH", "")
        wanted = first_again(before)
        if wanted and wanted != before:
            # The one that is given to execve() was most often made of this one.
            given = args[2].get("PYTHONPATH") if len(args) > 2 and type(args[2]) is dict else None
            if given == before:
                args = (*args[:2], {**args[2], "PYTHONPATH": wanted}, *args[3:])
            os.environ["PYTHONPATH"] = wanted
        try:
            return original(*args, **kwargs)
        finally:
            if wanted and wanted != before:  # it has failed
                os.environ["PYTHONPATH"] = before

    return leaving


def _writing_first(original: Callable[..., Any]) -> Callable[..., Any]:
    def chroot(*args: Any, **kwargs: Any) -> Any:
        write = _state.write
        if write is not None:
            write()
        return original(*args, **kwargs)

    return chroot


def _ending_first(original: Callable[..., Any]) -> Callable[..., Any]:
    def ending(*args: Any, **kwargs: Any) -> Any:
        at_exit = _state.at_exit
        if at_exit is not None:
            at_exit()
        return original(*args, **kwargs)

    return ending


# ---------------------------------------------------------------- SIGTERM


def _forked() -> None:
    _state.stands_in = False
    if _signal.getsignal(_signal.SIGTERM) is _on_terminate:
        _set_terminate(_signal.SIG_DFL)


def _set_terminate(handler: Any) -> None:
    try:
        _signal.signal(_signal.SIGTERM, handler)
    except ValueError:  # not the main thread of the main interpreter
        return


_masks: dict[int, Any] = {}
"""By thread: the signal mask that it had before it forked."""
_forks_guarded = False


def _guard_forks() -> None:
    """Keep SIGTERM waiting while a thread forks; once a process, the hooks cannot be taken back.

    A new child forgets the signals that came before Python had taken it over.  By default that
    cannot happen: the child is gone at once.
    """
    global _forks_guarded
    if not _forks_guarded and hasattr(_signal, "pthread_sigmask"):
        _forks_guarded = True
        # What these raise would be printed.
        os.register_at_fork(
            before=contained(_hold_back),
            after_in_parent=contained(_let_through),
            after_in_child=contained(_forked),
        )
        # A hook of its own: a child that nobody can stop is worse than whatever else fails in it.
        os.register_at_fork(after_in_child=contained(_let_through))


def _hold_back() -> None:
    if _signal.getsignal(_signal.SIGTERM) is _on_terminate:
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGTERM,))
        _masks[_thread.get_ident()] = before


def _let_through() -> None:
    before = _masks.pop(_thread.get_ident(), None)
    if before is not None:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)


def _on_terminate(signum: int, frame: FrameType | None) -> None:
    """Do what SIGTERM does by default, after writing out."""
    recorder = sys.modules.get("raceway.record.recorder")
    if recorder is not None and recorder.after_flush(lambda: _on_terminate(signum, None)):
        return  # it came in the middle of writing: what is in that chunk would be lost
    at_exit = _state.at_exit
    if at_exit is not None:
        at_exit()
    _signal.signal(signum, _signal.SIG_DFL)
    os.kill(os.getpid(), signum)


def _shown(handler: Any) -> Any:
    """Return ``SIG_DFL`` for the handler that stands for it."""
    if handler is not _on_terminate:
        return handler
    module = sys.modules.get("signal", _signal)
    return module.SIG_DFL


def _signal_wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
    def signal(signalnum: Any, handler: Any) -> Any:
        if (
            signalnum == _signal.SIGTERM
            and isinstance(handler, int)
            and handler == _signal.SIG_DFL
            and _state.stands_in
        ):
            handler = _on_terminate
        return _shown(original(signalnum, handler))

    return signal


def _getsignal_wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
    def getsignal(signalnum: Any) -> Any:
        return _shown(original(signalnum))

    return getsignal


def _interrupt_wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
    def interrupt_main(signum: Any = _signal.SIGINT, /) -> Any:
        if signum == _signal.SIGTERM and _signal.getsignal(signum) is _on_terminate:
            return None  # a simulated signal has no effect if its action is the default one
        return original(signum)

    return interrupt_main


# The shape of a patch file: applied when the program imports ``signal``.
SUPPORTS = None
PATCHES = (around("signal", _signal_wrapper), around("getsignal", _getsignal_wrapper))
