"""The subcommands of ``raceway`` and their arguments."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final, NoReturn

from raceway import __version__
from raceway.triage.baseline import DEFAULT_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

_DESCRIPTION: Final = """\
Reports of race conditions: show them, explain them, and say which are known.
To find race conditions, run a program: raceway-run python app.py"""


class CommandError(Exception):
    """What the user asked for cannot be done; the message says what to do instead."""


class _Version(argparse.Action):
    """Prints the version; what is in C is looked up only then."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_arguments: object) -> NoReturn:
        from raceway.cli.extensions import summary

        version = sys.version.split()[0]
        sys.stdout.write(f"raceway {__version__} (Python {version}; {summary()})\n")
        parser.exit()


def run(words: Sequence[str]) -> int:
    """Do what the arguments say.

    Returns:
        The exit status.

    Raises:
        CommandError: It cannot be done.
        SystemExit: The arguments are wrong, or ask for help.
    """
    parser, commands = _parsers()
    given = parser.parse_args(words)
    if given.command == "completion":
        from raceway.cli.completion import completion

        options = {name: _options(one) for name, one in commands.items() if name != "run"}
        sys.stdout.write(completion(given.shell, options))
        return 0
    if given.command == "doctor":
        from raceway.cli.doctor import doctor

        return doctor(sys.stdout)
    if given.command == "serve":
        from raceway.cli.serve import serve

        return serve(given)
    if given.command == "export":
        from raceway.cli.export import export

        return export(given)
    if given.command == "explain":
        from raceway.cli.explain import explain

        return explain(given.id, given.report, sys.stdout)
    from raceway.cli import reports

    if given.command == "report" and given.to:
        from raceway.cli.delivery import deliver

        return deliver(given)
    if given.command == "baseline":
        return reports.write_baseline(given.report, given.output)
    return reports.show(
        given.source,
        reports=given.report,
        fail_on=given.fail_on,
        quiet=given.quiet,
        verbose=given.verbose,
        baseline=given.baseline,
        suppressions=given.suppressions,
    )


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """Return the options of a subcommand, as they stand in its own help."""
    lines = (line.strip() for line in parser.format_help().splitlines())
    shown = " ".join(line.partition("  ")[0] for line in lines if line.startswith("-"))
    return [word for word in shown.replace(",", " ").split() if word.startswith("-")]


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser, and those of the subcommands."""
    parser = argparse.ArgumentParser(
        "raceway", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--version", action=_Version, help="print the version, and what is in C here"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("run", help="run a program and report its race conditions, as raceway-run")
    _add_report(commands.add_parser("report", help="show a report, or analyse a recording anew"))
    one = commands.add_parser("explain", help="say everything about one finding, or one type")
    one.add_argument(
        "id", metavar="ID", help="fingerprint or its beginning, or data-race and so on"
    )
    one.add_argument(
        "report", metavar="FILE.json", nargs="?", help="the newest report in this folder by default"
    )
    known = commands.add_parser("baseline", help="write down the findings of a report as known")
    known.add_argument("report", metavar="REPORT.json")
    known.add_argument(
        "-o", dest="output", metavar="FILE", default=DEFAULT_FILE, help="%(default)s"
    )
    _add_serve(commands.add_parser("serve", help="run a Raceway server with its pages"))
    written = commands.add_parser("export", help="write what a server has stored, as Parquet")
    written.add_argument(
        "--parquet", metavar="FILE|FOLDER", required=True, help="what to write: see the reference"
    )
    written.add_argument("--data", metavar="DIR", help="data folder of the server")
    written.add_argument("-c", "--config", metavar="FILE", default="", help="a raceway.toml")
    commands.add_parser("doctor", help="say what is installed and whether it works")
    shell = commands.add_parser("completion", help="print what lets a shell complete raceway")
    shell.add_argument("shell", choices=("bash", "fish", "zsh"))
    return parser, dict(commands.choices)


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="FILE.json|FOLDER", help="a report, or a recording (RACEWAY_KEEP_RUN=1)"
    )
    parser.add_argument(
        "--report", metavar="FILE", action="append", default=[], help="write it to FILE too"
    )
    parser.add_argument("--fail-on", choices=("critical", "warning"), default="")
    parser.add_argument("--baseline", metavar="FILE", default="", help="findings that are known")
    parser.add_argument("--suppressions", metavar="FILE", default="", help="as for raceway-run")
    parser.add_argument(
        "--to", metavar="URL", default="", help="send the recording to a server, and show nothing"
    )
    parser.add_argument("--api-key", metavar="KEY", help="for the server; else RACEWAY_API_KEY")
    parser.add_argument("--service", metavar="NAME", help="name of the service on the server")
    much = parser.add_mutually_exclusive_group()
    much.add_argument("-q", "--quiet", action="store_true", help="print no report")
    much.add_argument("-v", "--verbose", action="store_true", help="print also what is harmless")


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen at, 127.0.0.1 by default")
    parser.add_argument("--port", type=int, help="port, 8080 by default; 0 takes a free one")
    parser.add_argument("--data", metavar="DIR", help="where events and findings are kept")
    parser.add_argument("-c", "--config", metavar="FILE", default="", help="a raceway.toml")
    parser.add_argument(
        "--source", metavar="DIR", action="append",
        help="folder of which source code may be shown; the working directory by default",
    )  # fmt: skip
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
