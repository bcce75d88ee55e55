"""The examples are programs of their own: they run and end well without raceway-run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SECONDS = 60


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one Python program from the root of the clone, with nothing of Raceway switched on."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = str(ROOT)  # the packages beside these tests, installed or not
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=env | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    ("needs", "command", "expected"),
    [
        ("flask", ["examples/banking/demo.py"], "the bank held 3000 before"),
        ("flask", ["examples/banking/demo.py", "--fixed"], "holds 3000 now: +0"),
        ("asyncio", ["examples/asyncio_inventory/inventory.py"], "apples: 5 before, 8 sold"),
        ("asyncio", ["examples/asyncio_inventory/inventory_fixed.py"], "5 sold, 0 left"),
        ("gevent", ["examples/gevent_tickets/tickets.py"], "tickets: 4 before, 6 sold"),
        ("gevent", ["examples/gevent_tickets/tickets_fixed.py"], "4 sold, 0 left"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_it_runs(needs: str, command: list[str], expected: str) -> None:
    pytest.importorskip(needs)
    ended = run(*command)
    assert (0, "") == (ended.returncode, ended.stderr)
    assert expected in ended.stdout


def test_sitecustomize_is_silent_without_raceway(tmp_path: Path) -> None:
    """An interpreter without Raceway must not print a line because of us."""
    program = "import sys; print(sys.modules['sitecustomize'].__file__)"
    example = ROOT / "sitecustomize_example"
    # A package that cannot be imported stands for one that is not installed.
    (tmp_path / "raceway_autopatch.py").write_text("raise ImportError('not here')\n")
    path = os.pathsep.join([str(example), str(tmp_path)])
    ended = run("-c", program, PYTHONPATH=path)
    assert (0, "") == (ended.returncode, ended.stderr)
    assert str(example / "sitecustomize.py") == ended.stdout.strip()
