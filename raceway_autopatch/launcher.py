"""``raceway-run``: start a program under Raceway.

With an endpoint alone the program takes this process's place (``exec``): pid, signals and exit
status are its own.  Otherwise this process stays, analyses while the program runs, and reports
when it has ended (:mod:`raceway_autopatch.supervisor`).

Only ``os`` and ``sys`` are imported at the top: under ``python -m`` the working directory is the
first place where modules are looked for until it has been removed, and a ``random.py`` in
there is none of our business.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from raceway_autopatch.options import Options

NOT_EXECUTABLE = 126
NOT_FOUND = 127
USAGE_STATUS = 2


class CommandError(Exception):
    """The command cannot be run.

    Attributes:
        status: The exit status that a shell gives for it.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments without the program's name; those of this process by default.

    Returns:
        The exit status.
    """
    from raceway_autopatch.options import HELP, UsageError, parse, version

    try:
        options = parse(sys.argv[1:] if argv is None else argv, os.environ)
        if options.show:
            # No program runs, so stdout is nobody else's.
            sys.stdout.write(HELP if options.show == "--help" else version() + "\n")
            return 0
        command = complete(options.command)
        path = find_program(command[0])
        return _run(options, path, command)
    except UsageError as error:
        return _fail(str(error), USAGE_STATUS)
    except CommandError as error:
        return _fail(str(error), error.status)
    except KeyboardInterrupt:
        from raceway_autopatch.supervisor import die_by

        return die_by(2)


def _run(options: Options, path: str, command: tuple[str, ...]) -> int:
    if not hasattr(os, "fork"):
        return _fail("this platform is not supported: raceway-run needs POSIX processes", 2)
    if not options.enabled:
        return _replace(path, command, dict(os.environ))
    env = environment(options, os.environ)
    if options.endpoint and not options.analyses:
        return _replace(path, command, env)
    from raceway_autopatch.outcome import Wishes
    from raceway_autopatch.supervisor import supervise

    wishes = Wishes(
        options.reports,
        options.fail_on,
        options.quiet,
        options.verbose,
        options.suppressions,
        options.baseline,
        options.endpoint,
        options.service,
    )
    try:
        return supervise(path, command, env, wishes)
    except OSError as error:
        raise _cannot_execute(command[0], error) from error


def environment(options: Options, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which the program finds Raceway."""
    env = dict(inherited)
    # Of a run in which this one may be nested; supervise() sets its own.
    for name in ("RACEWAY_RUN_DIR", "RACEWAY_RUN_OWNER", "RACEWAY_ENDPOINT", "RACEWAY_ALSO_SEND"):
        env.pop(name, None)
    given = {
        "RACEWAY_ENDPOINT": options.endpoint,
        "RACEWAY_SERVICE": options.service,
        "RACEWAY_ALSO_SEND": "1" if options.endpoint and options.analyses else "",
        "RACEWAY_VERBOSE": "1" if options.verbose else "",
        "RACEWAY_WATCH": ",".join(options.watch),
    }
    if options.watch:
        from raceway_autopatch.watch_patterns import working_directory

        given["RACEWAY_WATCH_ROOT"] = working_directory()
    env.update({name: value for name, value in given.items() if value})
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap")
    before = env.get("PYTHONPATH", "")
    if before.split(os.pathsep)[0] != folder:
        env["PYTHONPATH"] = folder + os.pathsep + before if before else folder
    return env


def complete(command: tuple[str, ...]) -> tuple[str, ...]:
    """Put this interpreter before a Python file or ``-m``.

    Raises:
        CommandError: The file does not exist.
    """
    first = command[0]
    if first == "-m":
        return (sys.executable, *command)
    if first.endswith((".py", ".pyw", ".pyz")):
        if not os.path.exists(first):
            message = f"{first}: no such file; check the path"
            raise CommandError(message, NOT_FOUND)
        return (sys.executable, *command)
    return command


def find_program(name: str) -> str:
    """Return the path of the executable that a shell would run.

    Raises:
        CommandError: There is none, or it is not executable.
    """
    if not name:
        message = "the command is empty"
        raise CommandError(message, NOT_FOUND)
    if os.path.dirname(name):
        candidates = [name]
    else:
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        candidates = [os.path.join(folder or os.curdir, name) for folder in folders]
    existing = ""
    for path in candidates:
        if not os.path.exists(path):
            continue
        if not os.path.isdir(path) and os.access(path, os.X_OK):
            return path
        existing = existing or path
    if existing:
        what = "is a folder" if os.path.isdir(existing) else "is not executable; try chmod +x"
        message = f"{existing}: {what}"
        raise CommandError(message, NOT_EXECUTABLE)
    message = f"{name!r}: command not found; check the name"
    raise CommandError(message, NOT_FOUND)


def _replace(path: str, command: tuple[str, ...], env: dict[str, str]) -> int:
    """Become the program."""
    from raceway_autopatch.supervisor import restore_ignored_signals

    sys.stdout.flush()
    sys.stderr.flush()
    restore_ignored_signals()
    try:
        os.execve(path, command, env)  # noqa: S606 - running it is what we are for
    except OSError as error:
        raise _cannot_execute(command[0], error) from error


def _cannot_execute(name: str, error: OSError) -> CommandError:
    if error.errno is None:  # not about the program: what was to be recorded has no place
        return CommandError(str(error), NOT_EXECUTABLE)
    return CommandError(f"{name}: cannot be executed: {error.strerror}", NOT_EXECUTABLE)


def _fail(message: str, status: int) -> int:
    from raceway_autopatch.rundir import say

    say(f"raceway-run: {message}\n")
    return status


def forget_working_directory() -> None:
    """Take the folder that ``python -m`` puts first off the path, unless we are in it."""
    if not sys.path or getattr(sys.flags, "safe_path", False):
        return
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.abspath(sys.path[0]) != ours:
        del sys.path[0]


if __name__ == "__main__":
    forget_working_directory()
    sys.exit(main())
