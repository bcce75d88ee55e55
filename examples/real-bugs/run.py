"""Run the gallery: each bug has to be found in the release that has it, and not in the one after.

    python examples/real-bugs/run.py [--packages FOLDER] [--json FILE] [BUG]...

Each release is installed by pip into a folder of its own and found there by the interpreter that
runs this file, which needs Raceway.  ``gallery.toml`` says what is run, and what is expected.
The exit status is 1 if anything is not as expected.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SECONDS = 120
"""For one program; for one installation five times as much."""


@dataclass
class Outcome:
    """What came of one program with one release of a package."""

    release: str
    found: list[str]
    """Findings on the variable of the bug, by id."""
    others: list[str]
    """Other findings: id and variable."""


class GalleryError(Exception):
    """A package could not be installed, or a program failed."""


def bugs() -> list[dict[str, Any]]:
    """Read the manifest.

    Returns:
        Its entries.
    """
    reader = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    text = (HERE / "gallery.toml").read_text(encoding="utf-8")
    return list(reader.loads(text)["bug"])


def install(requirements: list[str], packages: Path) -> Path:
    """Install a release with what it needs, unless it is there already.

    Args:
        requirements: What pip is asked for.
        packages: The folder for all releases.

    Returns:
        The folder that is to be on the path.

    Raises:
        GalleryError: pip has failed.
    """
    folder = packages / requirements[-1]
    if not folder.is_dir():
        unfinished = packages / (folder.name + ".unfinished")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(unfinished)]
        ended = run([*pip, *requirements], packages, SECONDS * 5)
        if ended.returncode != 0:
            raise GalleryError(f"{' '.join(requirements)} cannot be installed:\n{ended.stderr}")
        unfinished.rename(folder)
    return folder


def look(bug: dict[str, Any], requirements: list[str], packages: Path) -> Outcome:
    """Run the program of a bug with one release.

    Args:
        bug: The entry of the manifest.
        requirements: The release.
        packages: The folder for all releases.

    Returns:
        What was found: warnings and worse.

    Raises:
        GalleryError: The program did not end well, or nothing was watched.
    """
    folder = install(requirements, packages)
    release = requirements[-1]
    with tempfile.TemporaryDirectory() as scratch:  # where no pyproject.toml has anything to say
        report = Path(scratch) / "report.json"
        command = [sys.executable, "-m", "raceway_autopatch.launcher", "--report", str(report)]
        for pattern in bug["watch"]:
            command += ["--watch", pattern]
        ended = run(
            [*command, sys.executable, str(HERE / bug["program"])], scratch, SECONDS, folder
        )
        if ended.returncode != 0:
            raise GalleryError(f"{bug['program']} fails with {release}:\n{ended.stderr}")
        document = json.loads(report.read_text(encoding="utf-8"))
    if not document["counts"]["objects"]:
        raise GalleryError(f"{bug['program']} uses nothing that is watched, with {release}")
    found, others = [], []
    for finding in document["findings"]:
        if finding["severity"] == "info":
            continue
        if is_inside(finding["variable"], bug["variable"]):
            found.append(finding["id"])
        else:
            others.append(f"{finding['id']} {finding['variable']}")
    return Outcome(release, found, others)


def is_inside(variable: str, whole: str) -> bool:
    """Say whether a variable is another one, or in it."""
    return variable == whole or variable.startswith((whole + ".", whole + "["))


def run(
    command: list[str], folder: str | Path, seconds: float, packages: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program, with no settings of Raceway's from outside."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    if packages is not None:
        before = env.get("PYTHONPATH")
        env["PYTHONPATH"] = f"{packages}{os.pathsep}{before}" if before else str(packages)
    return subprocess.run(  # noqa: S603 # programs that are here, and pip
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def main() -> int:
    """Run what was asked for, and print a table.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bug", nargs="*", help="the names of some bugs; all of them without")
    parser.add_argument("--packages", type=Path, help="keep the installed releases here")
    parser.add_argument("--json", type=Path, help="write what was found into this file")
    chosen = parser.parse_args()
    known = {bug["name"]: bug for bug in bugs()}
    for name in chosen.bug:
        if name not in known:
            parser.error(f"{name} is none of: {', '.join(known)}")
    with tempfile.TemporaryDirectory() as scratch:
        packages = (chosen.packages or Path(scratch)).resolve()
        packages.mkdir(parents=True, exist_ok=True)
        rows = [go(known[name], packages) for name in chosen.bug or known]
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    good = sum(row["as_expected"] for row in rows)
    print(f"{good} of {len(rows)} as expected")
    return 0 if good == len(rows) else 1


def go(bug: dict[str, Any], packages: Path) -> dict[str, Any]:
    """Run one bug with both releases, and print its line.

    Args:
        bug: The entry of the manifest.
        packages: The folder for all releases.

    Returns:
        The row for ``--json``.
    """
    row: dict[str, Any] = {"name": bug["name"], "issue": bug["issue"], "variable": bug["variable"]}
    try:
        broken = look(bug, bug["broken"], packages)
        fixed = look(bug, bug["fixed"], packages)
    except (GalleryError, subprocess.TimeoutExpired) as error:
        print(f"{bug['name']:<14} {error}", flush=True)
        return row | {"as_expected": False, "error": str(error)}
    as_expected = bool(broken.found) and not fixed.found
    print(
        f"{bug['name']:<14} {describe(broken)}, {describe(fixed)}"
        f"   {bug['variable']}{'' if as_expected else '   NOT AS EXPECTED'}",
        flush=True,
    )
    return row | {"as_expected": as_expected, "broken": asdict(broken), "fixed": asdict(fixed)}


def describe(outcome: Outcome) -> str:
    """Say in a few words what was found with one release."""
    version = outcome.release.rpartition("==")[2]
    others = f" (+{len(outcome.others)})" if outcome.others else ""
    return f"{version}: {len(outcome.found) or 'none'}{others}"


if __name__ == "__main__":
    sys.exit(main())
