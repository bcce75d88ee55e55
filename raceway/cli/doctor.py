"""``raceway doctor``: what is here, and whether it works."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Final

import raceway
import raceway_autopatch
from raceway import __version__
from raceway.cli import PROBLEM, extensions, selftest
from raceway.config import Config
from raceway.exceptions import UsageError
from raceway.triage.verdict import wanted
from raceway_autopatch import plugins
from raceway_autopatch.registry import ORDER, select, unknown
from raceway_autopatch.versions import parse_requirement, satisfies

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

_SUPPORTED: Final = ((3, 10), (3, 13))
_LIBRARIES: Final = {name: name for name in (
    "aiohttp", "anyio", "celery", "django", "flask", "gevent", "greenlet", "httpx", "psycopg",
    "requests", "sqlalchemy", "starlette", "trio", "urllib3",
)} | {"uvloop": "asyncio"}  # fmt: skip
"""Distributions that are patched, and by which patch."""
_NOT_FOLLOWED: Final = ("curio", "eventlet", "twisted")
"""Distributions with threads, tasks or locks of their own that nobody follows."""
_BESIDE: Final = (
    "coverage", "ddtrace", "debugpy", "manhole", "opentelemetry-distro", "pyinstrument",
    "sentry-sdk", "viztracer",
)  # fmt: skip
"""Distributions that change or watch a program as we do."""
_WITHOUT: Final = {"sigterm": "in Python, where flush_on_sigterm asks for it"}
"""What parts do that are not in C, if it is not the same."""
_SECRET: Final = "RACEWAY_API_KEY"  # noqa: S105 - the name of a variable
_VARIABLES: Final = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "PYTHONNOUSERSITE")


class _Examination:
    """Writes what it sees, and remembers what is wrong."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.problems = 0

    def say(self, label: str, text: str) -> None:
        self._stream.write(f"{label:<14}{text}\n")

    def problem(self, text: str) -> None:
        self.problems += 1
        self.say("PROBLEM", text)


def doctor(stream: TextIO) -> int:
    """Say what is installed, and try it out.

    Args:
        stream: Where to write.

    Returns:
        The exit status: 1 if something is wrong.
    """
    seen = _Examination(stream)
    _interpreter(seen)
    _patches(seen)
    _surroundings(seen)
    _settings(seen)
    _try_out(seen)
    count = seen.problems
    text = "no problems" if not count else f"{count} problem{'s' if count > 1 else ''}, see above"
    stream.write(f"\nraceway doctor: {text}\n")
    return PROBLEM if count else 0


def _interpreter(seen: _Examination) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    seen.say("raceway", f"{__version__} in {os.path.dirname(raceway.__file__)}")
    seen.say("python", f"{sys.implementation.name} {version} on {sys.platform}, {sys.executable}")
    for part, why_not in extensions.missing().items():
        otherwise = _WITHOUT.get(part, "in Python")
        seen.say(part, f"{otherwise}: {why_not}" if why_not else "in C")
    oldest, newest = _SUPPORTED
    if sys.implementation.name != "cpython" or not oldest <= sys.version_info[:2] <= newest:
        names = " to ".join(".".join(map(str, one)) for one in _SUPPORTED)
        seen.problem(f"this interpreter is not supported: use CPython {names}")
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        seen.problem("this interpreter has no GIL: the order of accesses is only approximate")
    command = shutil.which("raceway-run")
    if command is None:
        told = f"is not on PATH; {sys.executable} -m raceway_autopatch.launcher is the same"
        seen.say("raceway-run", told)
    else:
        own = os.path.dirname(command) == os.path.dirname(sys.executable)
        seen.say("raceway-run", command + ("" if own else ", which may be another interpreter's"))


def _patches(seen: _Examination) -> None:
    selection = os.environ.get("RACEWAY_PATCH", "")
    chosen = select(ORDER, selection)
    left_out = [name for name in ORDER if name not in chosen]
    standard = [name for name in chosen if name not in _LIBRARIES and name != "raceway_client"]
    seen.say("patched", ", ".join(standard))
    for name, patch in _LIBRARIES.items():
        version = _version(name)
        if version is not None:
            seen.say("", f"{name} {version}{_why_not(patch, version, chosen)}")
    missing = [name for name in _LIBRARIES if _version(name) is None]
    if missing:
        seen.say("", f"not installed: {', '.join(missing)}")
    for path, modules in plugins.find(sys.path).items():
        said = f"{path} patches {', '.join(modules)}"
        seen.say("plug-in", said if select((path,), selection) else f"{path} is left out")
    if left_out:
        seen.say("not patched", f"{', '.join(left_out)}: RACEWAY_PATCH leaves them out")
    for name in unknown(ORDER, selection):
        seen.problem(f"RACEWAY_PATCH={selection!r}: there is no {name!r}; give {', '.join(ORDER)}")
    others = list(_installed(_NOT_FOLLOWED))
    if others:
        seen.say("not followed", f"{', '.join(others)}: what they order is not known")


def _why_not(patch: str, version: str, chosen: Iterable[str]) -> str:
    requirement = _requirement(patch)
    if patch not in chosen:
        return " is not patched: RACEWAY_PATCH leaves it out"
    if requirement and not satisfies(version, parse_requirement(requirement)[1]):
        return f" is not patched: Raceway supports {requirement}"
    return ""


def _requirement(patch: str) -> str:
    """Read ``SUPPORTS`` of a patch file, without importing it and what it patches."""
    folder = Path(raceway_autopatch.__file__).parent / "patches"
    file = folder / f"{patch}.py"
    source = file if file.exists() else folder / patch / "__init__.py"
    for statement in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "SUPPORTS":
            return ast.literal_eval(statement.value) or ""
    return ""


def _surroundings(seen: _Examination) -> None:
    for name, value in sorted(os.environ.items()):
        if name.startswith("RACEWAY_") or name in _VARIABLES:
            seen.say("variable", f"{name}={'***' if name == _SECRET else value}")
    if os.environ.get("RACEWAY_ENABLED", "").strip().lower() in ("0", "false", "no", "off"):
        seen.problem("RACEWAY_ENABLED switches everything off: unset it")
    for name in _installed(_BESIDE):
        seen.say("beside us", name)
    for name in ("sitecustomize", "usercustomize"):
        spec = util.find_spec(name)
        if spec is not None and spec.origin:
            seen.say("beside us", f"{name} in {spec.origin}")


def _settings(seen: _Examination) -> None:
    try:
        Config.load()
    except UsageError as error:
        seen.problem(str(error))
    said = wanted(
        os.environ.get("RACEWAY_SUPPRESSIONS", ""), os.environ.get("RACEWAY_BASELINE", "")
    )
    for problem in said.problems:
        seen.problem(problem)
    if said.tables:
        count = len(said.tables)
        seen.say("suppressions", f"{count} in files")
    if said.baseline:
        seen.say("baseline", said.baseline)
        if not os.path.isfile(said.baseline):
            seen.problem(f"{said.baseline}: there is no such baseline: remove it or make one")


def _try_out(seen: _Examination) -> None:
    for what, program, expected in (
        ("a racy program", selftest.RACY, 1),
        ("a correct one", selftest.CORRECT, 0),
    ):
        count, problem = selftest.findings_of(program)
        if problem:
            seen.problem(f"{what} could not be analysed: {problem}")
        elif count != expected:
            seen.problem(f"{what} has {count} findings, and not {expected}: please report this")
        else:
            noun = "finding" if count == 1 else "findings"
            seen.say("tried out", f"{what}: {count or 'no'} {noun}, as it should be")


def _installed(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        version = _version(name)
        if version is not None:
            yield f"{name} {version}"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
