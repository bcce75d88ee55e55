"""The parent process of a program under ``raceway-run``: it must not be noticed.

The program runs as a child in the same process group, on the same terminal, with the signal
dispositions and the mask that we were given.  While it runs, the analysis takes what was recorded
so far; when it has ended, the report is written and its end is mirrored: same exit status, or death
by the same signal.

Signals are blocked and fetched with ``sigtimedwait``, which tells who sent them.  What the
terminal sends (Ctrl-C, Ctrl-Z, hang-up) reaches the child by itself and is not sent again; what
``kill`` sends to our pid is passed on.  Nothing is lost between fork and exec.  While the program
runs there is no handler that could interrupt the analysis in the middle.  Where ``sigtimedwait``
does not exist (macOS) handlers and a wake-up descriptor take its place, and Ctrl-C is taken for the
terminal's.

When the child is stopped by the terminal we stop too, or the shell would not know.  When we are
killed by SIGKILL the kernel kills the child (Linux).
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from raceway_autopatch import rundir
from raceway_autopatch.outcome import FAIL_STATUS, Wishes, analysis_of, complain, deliver
from raceway_autopatch.progress import Progress
from raceway_autopatch.rundir import say

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from raceway.model.findings import Report
    from raceway_autopatch.outcome import Analysis

POLL = 0.05
"""Seconds between two looks at what was recorded."""
GRACE = 1.0
"""Seconds that the processes of the program have left to end after the one that was started."""

_FORWARDED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTSTP,
    signal.SIGCONT,
)
_JOB_CONTROL = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
_SI_KERNEL = 0x80
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def supervise(
    path: str,
    command: tuple[str, ...],
    env: dict[str, str],
    wishes: Wishes,
    analysis_factory: Callable[[str, tuple[str, ...]], Analysis] = analysis_of,
) -> int:
    """Run a program, analyse what it does, report, and end as it did.

    Args:
        path: The executable.
        command: Its ``argv``.
        env: Its environment; ``RACEWAY_RUN_DIR`` is added.
        wishes: What to report, and where.
        analysis_factory: Makes the analysis of a run directory, for reports of some names.

    Returns:
        The exit status.  When the program died by a signal, this does not return: this process
        dies by the same signal.

    Raises:
        OSError: The program cannot be executed.
    """
    run_dir = rundir.create()
    try:
        signals = (_WaitedSignals if hasattr(signal, "sigtimedwait") else _CaughtSignals)()
        try:
            child = _spawn(path, command, {**env, "RACEWAY_RUN_DIR": run_dir}, signals)
            # Only now: the program starts while the analysis is being imported.
            analysis = _Contained(analysis_factory, run_dir, wishes)
            code = _wait(child, signals, analysis)
            _let_others_end(signals, analysis)
        finally:
            signals.restore()
        failed, ended_by = _report(analysis, command, {child: code}, wishes)
    except _Interrupted as interruption:
        rundir.remove(run_dir)
        say("raceway: interrupted, there is no report\n")
        return die_by(interruption.signum)
    except BaseException:
        rundir.remove(run_dir)
        raise
    say(rundir.remove(run_dir))
    if ended_by:
        return die_by(ended_by)
    if code < 0:
        return die_by(-code)
    return FAIL_STATUS if failed else code


# ---------------------------------------------------------------- the child


def restore_ignored_signals() -> None:
    """Take back what the start of Python ignores, before another program is executed."""
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


def _spawn(path: str, command: tuple[str, ...], env: dict[str, str], signals: _Signals) -> int:
    """Fork and execute.

    Raises:
        OSError: It cannot be executed.
    """
    prctl = _prctl()
    parent = os.getpid()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    reader, writer = os.pipe()  # closed by exec
    child = os.fork()
    if child == 0:
        try:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)  # it was killed before it could be asked to take us along
            restore_ignored_signals()
            signals.restore_in_child()
            os.execve(path, command, env)  # noqa: S606 - running it is what we are for
        except OSError as error:
            os.write(writer, str(error.errno or 0).encode())
        finally:
            os._exit(127)
    os.close(writer)
    with open(reader, "rb") as stream_of_error:
        problem = stream_of_error.read()
    if problem:
        os.waitpid(child, 0)
        number = int(problem)
        raise OSError(number, os.strerror(number), path)
    return child


def _prctl() -> Callable[[int, int], None]:
    """Return Linux's ``prctl``, loaded before the fork; elsewhere a function that does nothing."""
    if sys.platform == "linux":
        try:
            import ctypes

            function = ctypes.CDLL(None).prctl
        except (ImportError, OSError, AttributeError):  # a Python without ctypes
            pass
        else:
            return lambda option, value: function(option, value, 0, 0, 0) and None
    return lambda option, value: None  # noqa: ARG005 - the signature of the other one


def _wait(child: int, signals: _Signals, analysis: _Contained) -> int:
    """Wait until the child has ended; analyse meanwhile.

    Returns:
        Its exit status, or the negative number of the signal that ended it.
    """
    while True:
        pid, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
        if not pid:
            more = analysis.step()
            received = signals.wait(0 if more else POLL)
            if received is not None:
                _send(child, received)
        elif not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        elif os.WSTOPSIG(status) in _JOB_CONTROL:
            # Not for SIGSTOP: who stops and continues the child alone does not know about us.
            os.kill(os.getpid(), signal.SIGSTOP)
            _send(child, signal.SIGCONT)


def _let_others_end(signals: _Signals, analysis: _Contained) -> None:
    """Wait a moment for processes that end together with the first one; daemons go on."""
    deadline = time.monotonic() + GRACE
    more = analysis.step()
    while analysis.is_busy() and time.monotonic() < deadline:
        if signals.wait(0 if more else POLL) is not None:
            return
        more = analysis.step()


def _send(child: int, signum: int) -> None:
    try:
        os.kill(child, signum)
    except ProcessLookupError:  # cannot be: it stays until we have waited for it
        pass
    except PermissionError:  # it has become another user's
        pass


def die_by(signum: int) -> int:
    """End this process by a signal, without a second core dump.

    Returns:
        The status for the case that it has no effect: pid 1 of a container cannot do this.
    """
    import resource

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # none, a broken pipe, closed
            continue
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    _prctl()(_PR_SET_DUMPABLE, 0)  # the limit does not count where dumps go to a program
    try:
        signal.signal(signum, signal.SIG_DFL)
    except (OSError, ValueError):  # SIGKILL has no other action
        pass
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signum])
    os.kill(os.getpid(), signum)
    return 128 + signum


# ---------------------------------------------------------------- signals


class _Signals(ABC):
    """The signals that are meant for the program.  From creation on none gets lost."""

    def __init__(self) -> None:
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, [*_FORWARDED, signal.SIGCHLD])
        # A parent that ignores its children's end cannot wait for it.
        self._child = signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def restore(self) -> None:
        """Let this process be ended by signals again; those that came too late are dropped."""
        signal.signal(signal.SIGCHLD, self._child or signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def restore_in_child(self) -> None:
        """Give the program what we were given: exec resets what is caught, and nothing else."""
        for signum in _FORWARDED:
            if callable(signal.getsignal(signum)):  # Python's SIGINT: it must not run here
                signal.signal(signum, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, self._child or signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    @abstractmethod
    def wait(self, timeout: float) -> int | None:
        """Wait for a signal, or the end of the child; return what has to be passed on."""


class _WaitedSignals(_Signals):
    """Signals stay blocked and are fetched one by one (Linux, BSD)."""

    def wait(self, timeout: float) -> int | None:
        received = signal.sigtimedwait([*_FORWARDED, signal.SIGCHLD], timeout)
        # If this process was stopped and continued past the timeout, Python answers with what was
        # on the stack (seen in 3.10 to 3.13).
        if received is None or received.si_signo not in _FORWARDED:
            return None
        return None if received.si_code == _SI_KERNEL else received.si_signo

    def restore(self) -> None:
        while signal.sigtimedwait([*_FORWARDED, signal.SIGCHLD], 0) is not None:
            pass
        super().restore()


class _CaughtSignals(_Signals):
    """Handlers collect what comes; who sent it is unknown."""

    def __init__(self) -> None:
        super().__init__()
        self._pending: list[int] = []
        self._before: dict[int, Any] = {}
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._catching = False

    def wait(self, timeout: float) -> int | None:
        if not self._catching:
            self._catch()
        if not self._pending:
            select.select([self._reader], [], [], timeout)
            try:
                os.read(self._reader, 512)
            except BlockingIOError:
                pass
        if not self._pending:
            return None
        signum = self._pending.pop(0)
        return None if signum in (*_FROM_TERMINAL, signal.SIGCHLD) else signum

    def restore(self) -> None:
        if self._catching:
            signal.set_wakeup_fd(-1)
            for signum, handler in self._before.items():
                signal.signal(signum, handler or signal.SIG_DFL)
        os.close(self._reader)
        os.close(self._writer)
        super().restore()

    def _catch(self) -> None:
        self._catching = True
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for signum in (*_FORWARDED, signal.SIGCHLD):
            if signal.getsignal(signum) != signal.SIG_IGN:
                self._before[signum] = signal.signal(signum, self._remember)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _remember(self, signum: int, _frame: FrameType | None) -> None:
        self._pending.append(signum)


class _Interrupted(BaseException):
    """Somebody wants this process to end while it is writing the report."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


# ---------------------------------------------------------------- the report


def collect_seldom() -> None:
    """Let the garbage collector of this process, which is ours alone, run less often.

    What the analysis remembers is many objects, and most of what it drops is in no cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


class _Contained:
    """The analysis; its first failure ends it, and is told at the end."""

    def __init__(
        self,
        factory: Callable[[str, tuple[str, ...]], Analysis],
        run_dir: str,
        wishes: Wishes,
    ) -> None:
        self.error: BaseException | None = None
        self._wishes = wishes
        self._analysis: Analysis | None = None
        try:
            self._analysis = factory(run_dir, wishes.reports)
            collect_seldom()
        except (Exception, SystemExit) as error:
            self.error = error

    def step(self) -> bool:
        if self._analysis is not None and self.error is None:
            try:
                return bool(self._analysis.step())
            except (Exception, SystemExit) as error:
                self.error = error
        return False

    def is_busy(self) -> bool:
        if self._analysis is not None and self.error is None:
            try:
                return self._analysis.is_busy()
            except (Exception, SystemExit) as error:
                self.error = error
        return False

    def catch_up(self, go_on: Callable[[Callable[[], int]], bool]) -> None:
        if self._analysis is not None and self.error is None:
            try:
                self._analysis.catch_up(go_on)
            except (Exception, SystemExit) as error:
                self.error = error

    def finish(self, command: tuple[str, ...], ends: dict[int, int]) -> Report | None:
        if self._analysis is not None and self.error is None:
            (code,) = ends.values()
            status = code if code >= 0 else 128 - code
            try:
                return self._analysis.finish(command=command, exit_status=status, reaped=ends)
            except (Exception, SystemExit) as error:
                self.error = error
        if self.error is not None:
            complain("analysis", self.error, verbose=self._wishes.verbose)
        return None


def _report(
    analysis: _Contained, command: tuple[str, ...], ends: dict[int, int], wishes: Wishes
) -> tuple[bool, int]:
    """Analyse the rest and write the report.

    A signal that would end this process ends the analysis first, and the report is about what was
    found until then; a second one, or one that comes later, ends it at once.

    Returns:
        Whether ``--fail-on`` is met; the signal that has ended the analysis, or 0.
    """
    progress = Progress(quiet=wishes.quiet)
    analysing = True
    ended_by = 0

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        nonlocal ended_by
        if ended_by or not analysing:
            raise _Interrupted(signum)
        ended_by = signum
        progress.interrupted = True

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, interrupt)
    analysis.catch_up(progress.go_on)
    analysing = False
    progress.clear()
    report = analysis.finish(command, ends)
    if report is None:
        return False, ended_by
    try:
        return deliver(report, wishes), ended_by
    except (Exception, SystemExit) as error:
        complain("the report", error, verbose=wishes.verbose)
        return False, ended_by
