"""The options and environment variables of ``raceway-run``, checked before anything starts."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

USAGE = "usage: raceway-run [OPTION]... [--] COMMAND [ARG]..."

HELP = f"""{USAGE}

Run a program and report the race conditions that its execution reveals, on stderr, when it ends.

COMMAND is a program with its arguments (python app.py), a Python file (app.py), or -m MODULE.
Options of the program follow it. The exit status is the program's own.

  --watch WHAT       track objects without a change to the code; may be given several times:
                     MODULE:NAME names a class or a variable of a module, such as
                     shop.models:Account, with wildcards 'shop.*:*Repository'; auto chooses in
                     all modules of the working directory
  --report FILE      write the report to FILE too; may be given several times; the format follows
                     the name: .html .json .md .sarif .txt .xml (JUnit), .trace.json
                     (Perfetto); github as FILE annotates in GitHub Actions, which is the
                     default there
  --fail-on LEVEL    exit with status 66 if there is a finding of LEVEL, critical or warning,
                     or worse
  --baseline FILE    findings that FILE knows do not fail the run; raceway baseline makes one
  --suppressions FILE
                     read suppressions from FILE instead of raceway.toml
  --endpoint URL     send the events to a Raceway server instead of analysing them here; with
                     one of the four options above, do both, and send what was found, too
  --service NAME     what reports call the program
  --quiet            print no report on stderr
  --verbose          print everything on stderr, also what is harmless
  --version          print the version and exit
  --help             print this text and exit

Environment: RACEWAY_REPORT (paths separated by {os.pathsep!r}), RACEWAY_FAIL_ON, RACEWAY_BASELINE,
RACEWAY_SUPPRESSIONS, RACEWAY_ENDPOINT, RACEWAY_SERVICE, RACEWAY_WATCH (separated by commas) stand
for the options of the same name, and watch = ["shop.models:Account"] in [tool.raceway] of
pyproject.toml for --watch. RACEWAY_ENABLED=0 runs the program without Raceway.
RACEWAY_PATCH=-gevent,-requests leaves single patches out. RACEWAY_KEEP_RUN=1 keeps the recording.

Exit status: the program's; 66 if --fail-on is met; 2 for wrong options, 126 if the command cannot
be executed, 127 if it is not found.
"""

WITH_VALUE = {
    "--endpoint": "RACEWAY_ENDPOINT",
    "--service": "RACEWAY_SERVICE",
    "--report": "RACEWAY_REPORT",
    "--fail-on": "RACEWAY_FAIL_ON",
    "--baseline": "RACEWAY_BASELINE",
    "--suppressions": "RACEWAY_SUPPRESSIONS",
    "--watch": "RACEWAY_WATCH",
}
FLAGS = ("--quiet", "--verbose", "--version", "--help")
SHORT = {"-h": "--help", "-q": "--quiet", "-v": "--verbose", "-V": "--version"}
LEVELS = ("critical", "warning")
_ON = ("", "1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off")


class UsageError(Exception):
    """What the user asked for cannot be done; the message says what to do instead."""


class Options:
    """What the user asked for.

    Attributes:
        baseline: Absolute path of a file with known findings, or an empty string.
        command: The command, as it was given.
        endpoint: Base URL of a Raceway server, or an empty string.
        service: Name of the program, or an empty string.
        reports: Absolute paths, or ``github``.
        fail_on: ``critical``, ``warning`` or an empty string.
        quiet: Print no report.
        suppressions: Absolute path of a file with suppressions, or an empty string.
        verbose: Print everything.
        enabled: False: run the program without Raceway.
        watch: Patterns.
        show: ``--help`` or ``--version``: print that and do nothing else.
    """

    __slots__ = (
        "baseline", "command", "enabled", "endpoint", "fail_on", "quiet", "reports", "service",
        "show", "suppressions", "verbose", "watch",
    )  # fmt: skip

    @property
    def analyses(self) -> bool:
        """Whether something is asked for that takes an analysis on this side."""
        return bool(self.reports or self.fail_on or self.baseline or self.suppressions)

    def __init__(self) -> None:
        self.baseline = ""
        self.command: tuple[str, ...] = ()
        self.endpoint = ""
        self.service = ""
        self.reports: tuple[str, ...] = ()
        self.fail_on = ""
        self.quiet = False
        self.suppressions = ""
        self.verbose = False
        self.enabled = True
        self.watch: tuple[str, ...] = ()
        self.show = ""


def parse(arguments: Sequence[str], env: Mapping[str, str]) -> Options:
    """Read the command line and the environment; an option wins over its variable.

    Raises:
        UsageError: Something is wrong with them.
    """
    options = Options()
    values, flags, options.command = _split(arguments)
    options.show = next((flag for flag in flags if flag in ("--help", "--version")), "")
    if options.show:
        return options
    options.quiet = "--quiet" in flags
    options.verbose = "--verbose" in flags
    if options.quiet and options.verbose:
        _refuse("--quiet and --verbose contradict each other: give one of them")
    options.enabled = _enabled(env.get("RACEWAY_ENABLED", ""))
    _check_patches(env.get("RACEWAY_PATCH", ""))
    options.endpoint = _single("--endpoint", values, env, _endpoint)
    options.service = _single("--service", values, env, _service)
    options.fail_on = _single("--fail-on", values, env, _level)
    options.baseline = _single("--baseline", values, env, _baseline)
    options.suppressions = _single("--suppressions", values, env, _suppressions)
    options.reports = _reports(values.get("--report", []), env)
    options.watch = patterns(values.get("--watch", []), env)
    if not options.command:
        _refuse(f"there is no command to run\n{USAGE}\nTry: raceway-run python app.py")
    if options.endpoint:
        _check_settings(options.endpoint)
    return options


def _refuse(message: str) -> NoReturn:
    raise UsageError(message)


def _split(
    arguments: Sequence[str],
) -> tuple[dict[str, list[str]], list[str], tuple[str, ...]]:
    """Separate our options from the command: everything from its first word on is the command."""
    values: dict[str, list[str]] = {}
    flags: list[str] = []
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] not in ("-", "-m"):
        word = rest.pop(0)
        if word == "--":
            break
        name, equals, value = word.partition("=")
        name = SHORT.get(name, name)
        if name in FLAGS and not equals:
            flags.append(name)
        elif name in WITH_VALUE:
            if not equals and not rest:
                _refuse(f"{name} needs a value; see raceway-run --help")
            values.setdefault(name, []).append(value if equals else rest.pop(0))
        else:
            _refuse(
                f"unknown option {word!r}: options of the program go after the command;"
                " see raceway-run --help"
            )
    return values, flags, tuple(rest)


def _single(name: str, values: dict[str, list[str]], env: Mapping[str, str], check: _Check) -> str:
    variable = WITH_VALUE[name]
    if name in values:
        return check(name, values[name][-1])
    value = env.get(variable, "")
    return check(variable, value) if value else ""


if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    _Check: TypeAlias = Callable[[str, str], str]


def _endpoint(source: str, value: str) -> str:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # raises for what is no port number
    except ValueError:
        usable = False
    if not usable or any(char.isspace() or not char.isprintable() for char in value):
        _refuse(f"{source} {value!r} is not usable: give a URL such as http://localhost:8080")
    return value


def _service(source: str, value: str) -> str:
    if not value.strip() or not value.isprintable():
        _refuse(f"{source} {value!r} is not usable: give a name such as billing")
    return value


def _level(source: str, value: str) -> str:
    if value not in LEVELS:
        _refuse(f"{source} {value!r} is not usable: give {' or '.join(LEVELS)}")
    return value


def _enabled(value: str) -> bool:
    word = value.strip().lower()
    if word not in _ON + _OFF:
        _refuse(f"RACEWAY_ENABLED {value!r} is not usable: give 1 or 0")
    return word in _ON


def _check_settings(endpoint: str) -> None:
    """Check what the client will read: in the program nobody would learn that it is wrong."""
    from raceway.config import Config
    from raceway.exceptions import UsageError as BadSetting

    try:
        Config.load(endpoint=endpoint)
    except BadSetting as error:
        _refuse(str(error))


def _check_patches(value: str) -> None:
    from raceway_autopatch.registry import ORDER, unknown

    for name in unknown(ORDER, value):
        known = ", ".join(ORDER)
        _refuse(f"RACEWAY_PATCH {value!r} is not usable: there is no {name!r}; give {known}")


def _reports(given: list[str], env: Mapping[str, str]) -> tuple[str, ...]:
    source = "--report"
    if not given:
        source = "RACEWAY_REPORT"
        given = [path for path in env.get(source, "").split(os.pathsep) if path]
    return tuple(_report(source, path) for path in given)


def _report(source: str, value: str) -> str:
    """Check now what can be checked: nobody wants to learn it when the program has ended."""
    from raceway.report.formats import report_format

    if value == "github":
        return value
    try:
        report_format(value)
    except ValueError as error:
        _refuse(f"{source} {value!r} is not usable: {error}, or be github")
    path = os.path.abspath(value)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        _refuse(f"{source} {value!r} is not usable: there is no folder {folder!r}; create it")
    if os.path.isdir(path):
        _refuse(f"{source} {value!r} is not usable: it is a folder; give the name of a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        _refuse(
            f"{source} {value!r} is not usable: you may not write to {folder!r};"
            " choose another folder"
        )
    return path


def _baseline(source: str, value: str) -> str:
    from raceway.project import Unreadable
    from raceway.triage.baseline import read_baseline

    try:
        read_baseline(value)
    except Unreadable as error:
        _refuse(f"{source} {error}")
    return os.path.abspath(value)


def _suppressions(source: str, value: str) -> str:
    from raceway.project import Unreadable, load

    try:
        load(value)
    except Unreadable as error:
        _refuse(f"{source} {error}")
    return os.path.abspath(value)


def patterns(given: list[str], env: Mapping[str, str], source: str = "--watch") -> tuple[str, ...]:
    """Read what to watch: the option, or its variable, or else the project's settings.

    Args:
        given: The values of the option.
        env: The environment.
        source: What the option is called.

    Returns:
        Patterns, each of them once.

    Raises:
        UsageError: One of them means nothing.
    """
    from raceway_autopatch.watch_patterns import problem, split

    if not given:
        source = "RACEWAY_WATCH"
        given = [env.get(source, "")]
    if not any(given):
        from raceway.project import project_table

        path, table = project_table()
        given = listed = table.get("watch", [])
        source = f"{path}: watch"
        if type(listed) is not list or not all(type(one) is str for one in listed):
            _refuse(f'{source} must be a list, such as ["shop.models:Account"]')
    found = split(",".join(given))
    for pattern in found:
        reason = problem(pattern)
        if reason:
            _refuse(f"{source} {pattern!r} is not usable: {reason}")
    return found


def version() -> str:
    """Return the line of ``--version``."""
    from raceway import __version__
    from raceway.record.accelerator import accelerator, reason

    hot = "in C" if accelerator is not None else f"in Python: {reason}"
    return f"raceway-run {__version__} (Python {sys.version.split()[0]}, recorder {hot})"
