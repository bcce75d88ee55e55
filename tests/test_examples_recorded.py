"""The examples under raceway-run: each racy program is found out, and its correct twin is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = [
    ("flask", "examples/banking/demo.py", ["--fixed"], "accounts['"),
    ("asyncio", "examples/asyncio_inventory/inventory.py", None, "stock['apple']"),
    ("gevent", "examples/gevent_tickets/tickets.py", None, "office.left"),
]


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program from the root of the clone."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = str(ROOT)  # the packages beside these tests, installed or not
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=env | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def findings(report: Path, *program: str) -> list[dict[str, object]]:
    """Run a program under raceway-run; return what is worse than ``info``."""
    launcher = ["-m", "raceway_autopatch.launcher", "--report", str(report)]
    ended = run(*launcher, sys.executable, *program)
    assert ended.returncode == 0, ended.stderr
    document = json.loads(report.read_text(encoding="utf-8"))
    assert (0, 0) == (document["counts"]["internal_errors"], document["counts"]["dropped"])
    return [found for found in document["findings"] if found["severity"] != "info"]


@pytest.mark.parametrize(
    ("needs", "program", "variable"), [(needs, path, name) for needs, path, _, name in EXAMPLES]
)
def test_the_race_is_found(needs: str, program: str, variable: str, tmp_path: Path) -> None:
    pytest.importorskip(needs)
    found = findings(tmp_path / "report.json", program)
    assert found
    for finding in found:
        assert finding["type"] == "atomicity-violation"
        assert finding["severity"] == "critical"
        assert str(finding["variable"]).startswith(variable)


@pytest.mark.parametrize(
    ("needs", "program", "options"), [(needs, path, how) for needs, path, how, _ in EXAMPLES]
)
def test_the_twin_is_clean(
    needs: str, program: str, options: list[str] | None, tmp_path: Path
) -> None:
    pytest.importorskip(needs)
    command = [program, *options] if options else [program.replace(".py", "_fixed.py")]
    assert [] == findings(tmp_path / "report.json", *command)


def test_sitecustomize_example_reports() -> None:
    path = os.pathsep.join([str(ROOT / "sitecustomize_example"), str(ROOT)])
    ended = run("examples/asyncio_inventory/inventory.py", PYTHONPATH=path)
    assert ended.returncode == 0
    assert "apples: 5 before, 8 sold, 4 left\n" == ended.stdout
    assert "atomicity violation  stock['apple']" in ended.stderr
