"""Switching Raceway on and off in one process: the recorder first, then the patches."""

from __future__ import annotations

import _thread
import os
import sys
import time

import raceway  # noqa: F401 # whoever looks whether Raceway is here looks for this name
from raceway_autopatch.registry import ORDER, Registry, is_ours, leave_word, unknown

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

OFF = frozenset({"0", "false", "no", "off"})
"""Values of ``RACEWAY_ENABLED`` that switch everything off."""


def is_enabled() -> bool:
    """Return whether the user has left Raceway on."""
    return os.environ.get("RACEWAY_ENABLED", "").strip().lower() not in OFF


class _Activation:
    """One stretch of time during which this process is recorded.

    Within a run, recording begins when the first module is imported that has anything to record:
    a process without one is noted down in the run directory, and pays for nothing else.

    Args:
        run_dir: The run directory; an empty string if the ops go to a server.
        when_over: For a run that is this process's own: what to do at its end.
        patterns: What to watch by name, in place of ``RACEWAY_WATCH``.
        sink: Where ops go, if not into the run directory alone.
    """

    def __init__(
        self,
        run_dir: str,
        when_over: Callable[[str], None] | None = None,
        patterns: str = "",
        sink: object = None,
    ) -> None:
        self.run_dir = run_dir
        self._patterns = patterns
        self._when_over = when_over
        self._pid = os.getpid()
        self._main_thread = _thread.get_ident()
        self._recorder: Any = None
        self._sink: Any = sink
        self._beginner: dict[str, object] = {}
        self._registry = Registry(
            extra={"raceway_autopatch.exits": ("signal",)},
            before=self.begin_recording,
            triggers=("raceway.record.recorder",),
            plugins=True,
        )
        self._watching: Any = None

    def begin(self) -> None:
        patterns = self._patterns or os.environ.get("RACEWAY_WATCH", "")
        if patterns:
            from raceway_autopatch.watch_imports import Watching

            self._watching = Watching(patterns, self.run_dir, self.begin_recording)
            self._watching.install()
        # After that: this finder asks all others, and the other one those that are behind it.
        self._registry.install()

    def begin_recording(self) -> None:
        """Start the recorder, once.

        Whoever comes second, further down the stack or in another thread, does not wait for it: it
        may hold the import of what the first one needs.  It gets the recorder by importing it, and
        what it records until there is a log stays in the buffer.
        """
        me = object()
        if self._recorder is None and self._beginner.setdefault("it", me) is me:
            try:
                self._start()
            except BaseException as error:
                if not is_ours(error):
                    self._beginner.clear()
                    raise
                self._step_aside(error)

    def _start(self) -> None:
        from raceway.record import recorder
        from raceway_autopatch import exits

        if self.run_dir:
            from raceway_autopatch import forks

            forks.install()
            recorder.start(self._sink or self.run_dir, main_thread=self._main_thread)
            # Write the log's beginning now: it is known even if the process is killed.
            recorder.current()
            recorder.flush()
        self._recorder = recorder
        forked = self._pid != os.getpid() or _process.serves  # also by the server that we skip
        exits.install(self._leave, self._stay, self._at_exit, recorder.flush, forked=forked)

    def note(self, text: str) -> None:
        """Add a sentence about what cannot be seen to the report."""
        if self._recorder is not None:
            self._recorder.note(text)

    def _step_aside(self, error: BaseException) -> None:
        """Leave the program alone: it cannot be recorded."""
        if self._watching is not None:
            self._watching.uninstall()
        self._registry.uninstall()
        leave_word(self.run_dir, "start", error)
        if os.environ.get("RACEWAY_VERBOSE", "") not in ("", "0"):
            reason = f"{type(error).__name__}: {error}".replace("\n", " ")
            text = f"raceway: process {os.getpid()} is not recorded: {reason}\n"
            try:
                # Through the descriptor: sys.stderr may be None or somebody's object.
                os.write(2, text.encode("utf-8", "backslashreplace"))
            except OSError:
                pass

    def end(self) -> None:
        if self._watching is not None:
            self._watching.uninstall()
        self._registry.uninstall()
        if self._recorder is not None:
            from raceway_autopatch import exits

            exits.uninstall()
            if self.run_dir:
                from raceway_autopatch import forks

                forks.uninstall()
            self._finish("uninstall")
            self._recorder.stop()
        self._be_over()

    def _leave(self) -> None:
        """Write out what was recorded: another program is about to take this process's place."""
        self._finish("exec")
        deliver = getattr(self._recorder.status.sink, "deliver", None)
        if deliver is not None:
            deliver()
        processes = sys.modules.get("raceway.pipeline.processes")
        if processes is not None:  # of what the program has tracked by hand
            processes.leave_all()

    def _stay(self) -> None:
        """Go on: no other program has taken this process's place."""
        processes = sys.modules.get("raceway.pipeline.processes")
        if processes is not None:
            processes.stay_all()

    def _finish(self, how: str) -> None:
        try:
            self._recorder.finish(how)
        except BaseException as error:
            if not is_ours(error):
                raise
            leave_word(self.run_dir, "process exit", error)

    def _at_exit(self) -> None:
        """Write out what was recorded, and report if the run was this process's own."""
        processes = sys.modules.get("raceway.pipeline.processes")
        if processes is not None:
            self._recorder.flush()  # the server may take its time
            processes.close_all()
            for text in processes.losses():
                self._recorder.note(text)
        self._finish("exit")
        if self._when_over is not None and self._pid == os.getpid():
            self._recorder.stop()
            self._be_over()

    def _be_over(self) -> None:
        when_over, self._when_over = self._when_over, None
        if when_over is not None and self._pid == os.getpid():
            when_over(self.run_dir)


class _Process:
    """The activation of this process; none, or one."""

    __slots__ = ("activation", "lock", "serves")

    def __init__(self) -> None:
        self.activation: _Activation | None = None
        self.serves = False
        """It forks workers for multiprocessing."""
        self.lock = _thread.allocate_lock()


_process = _Process()


def install() -> None:
    """See :func:`raceway_autopatch.install`."""
    helps_with = _helper()
    if helps_with == "forkserver":
        # The server runs nothing of the program; the workers that it forks do.
        if not _process.serves:
            _process.serves = True
            os.register_at_fork(after_in_child=_install_in_worker)
    elif not helps_with:
        _install()


def record_here(patterns: str = "") -> tuple[str, bool]:
    """Record this process for itself alone, unless it is recorded already.

    The environment stays as it is: programs that this one starts are not part of it.  The run
    directory is removed when recording ends.

    Args:
        patterns: What to watch by name, in place of ``RACEWAY_WATCH``.

    Returns:
        The run directory in which the recording is, or an empty string if it goes to a server; and
        whether recording has begun now.

    Raises:
        OSError: The run directory cannot be made.
    """
    with _process.lock:
        activation = _process.activation
        if activation is not None:
            return activation.run_dir, False
        _check_selection()
        from raceway_autopatch import rundir

        activation = _Activation(rundir.create(), _discard, patterns)
        _begin_early(activation)
        _process.activation = activation
        activation.begin()
        return activation.run_dir, True


def _helper() -> str:
    """Return what this process does for multiprocessing; nothing for one of the program."""
    argv = getattr(sys, "orig_argv", sys.argv)
    code = argv[argv.index("-c") + 1] if "-c" in argv[:-1] else ""
    for name in ("resource_tracker", "forkserver"):
        if code.startswith(f"from multiprocessing.{name} import"):
            return name
    return ""


def _install() -> None:
    with _process.lock:
        if _process.activation is not None or not is_enabled():
            return
        activation = _activation()
        if activation is not None:
            _process.activation = activation
            activation.begin()


def _install_in_worker() -> None:
    """Install after a fork, where what is raised would be printed."""
    try:
        _install()
    except BaseException as error:
        if not is_ours(error):
            raise
        leave_word(os.environ.get("RACEWAY_RUN_DIR", ""), "start", error)


def uninstall() -> None:
    """See :func:`raceway_autopatch.uninstall`."""
    with _process.lock:
        activation, _process.activation = _process.activation, None
        if activation is not None:
            activation.end()


def _activation() -> _Activation | None:
    """Return what the environment asks for; None if the run that started this process is over."""
    run_dir = os.environ.get("RACEWAY_RUN_DIR", "")
    endpoint = os.environ.get("RACEWAY_ENDPOINT", "")
    if not run_dir:
        _check_selection()  # the launcher has done it otherwise
    if run_dir:
        if not os.path.isdir(run_dir):
            return None  # a daemon's child that outlives the run
        if os.environ.get("RACEWAY_RUN_OWNER") != str(os.getpid()):
            try:
                _announce(run_dir)
            except OSError:  # full, or out of descriptors: it may be better when it matters
                pass
            return _Activation(run_dir, sink=_two_sinks(run_dir))
        activation = _Activation(run_dir, _report)
    elif endpoint:
        from importlib import import_module

        import_module("raceway.pipeline.http_sink").start(
            endpoint, os.environ.get("RACEWAY_SERVICE", "")
        )
        activation = _Activation("")
    else:
        from raceway_autopatch import atexit_report

        activation = _Activation(atexit_report.begin(), _report)
    _begin_early(activation)
    return activation


def _two_sinks(run_dir: str) -> object:
    """Return what writes to a run directory and to a server, if the run wants both."""
    if os.environ.get("RACEWAY_ALSO_SEND", "") != "1":
        return None
    from importlib import import_module

    make = import_module("raceway.pipeline.two_sinks").make
    made: object = make(run_dir, os.environ["RACEWAY_ENDPOINT"], os.environ.get("RACEWAY_SERVICE"))
    return made


def _report(run_dir: str) -> None:
    from raceway_autopatch import atexit_report

    atexit_report.finish(run_dir)


def _discard(run_dir: str) -> None:
    from raceway_autopatch import rundir

    rundir.say(rundir.remove(run_dir))


def _begin_early(activation: _Activation) -> None:
    """Begin to record in the middle of a program, and say what is too late for that."""
    early = _taken_before()
    activation.begin_recording()
    for name in early:
        activation.note(
            f"locks that {name} makes: it took Lock or RLock from threading before install()"
        )


def _check_selection() -> None:
    """Say what cannot be meant by ``RACEWAY_PATCH`` and ``RACEWAY_WATCH``, and is passed over."""
    for name in unknown(ORDER, os.environ.get("RACEWAY_PATCH", "")):
        from raceway_autopatch import rundir

        known = ", ".join(ORDER)
        rundir.say(
            f"raceway: RACEWAY_PATCH: there is no {name!r}, it is passed over; give {known}\n"
        )
    if os.environ.get("RACEWAY_WATCH"):
        from raceway_autopatch.watch_patterns import complain

        complain(os.environ["RACEWAY_WATCH"])


def _taken_before() -> list[str]:
    """Return the modules of the program that hold what is about to be replaced."""
    threading = sys.modules.get("threading")
    if threading is None:
        return []
    from raceway_autopatch.internals import is_internal

    taken = (threading.Lock, threading.RLock)
    found = []
    for name, module in list(sys.modules.items()):
        namespace = getattr(type(module), "__name__", "") == "module" and module.__dict__
        if not namespace or is_internal(namespace):
            continue
        if any(value is one for value in list(namespace.values()) for one in taken):
            found.append(name)
    return found


def _announce(run_dir: str) -> None:
    """Let the run know of this process, whether it ever records anything or not.

    The suffix is :data:`raceway.record.oplog.PRESENCE_SUFFIX`, which is too expensive to import.
    """
    command = "\0".join(getattr(sys, "orig_argv", sys.argv))
    path = os.path.join(run_dir, f"{os.getpid()}-{time.time_ns()}.begun")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # the umask may forbid it even to us
        os.write(descriptor, command.encode("utf-8", "surrogateescape"))
    finally:
        os.close(descriptor)
