"""Every edge that is recorded is needed, and the pages that list the edges are true.

A clean program whose header says ``# needs: RECEIVE`` relies on what the ops of these kinds say.
Here its log is analysed once more, without those ops: then the program has to be accused.  If it
is not, something else orders it as well, and the program proves nothing about the edge.

The pages in ``docs/reference/synchronization`` name for each construct such a clean program, and a
racy one that a stronger edge would hide.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from test_programs import PATHS, PROGRAMS, ROOT, SEVERITIES, name_of, parse, run

from raceway import analysis
from raceway.model import ops
from raceway.pipeline.oplog_reader import Chunk, OpLogReader
from raceway.pipeline.replay import Replay

PAGES = sorted((ROOT / "docs/reference/synchronization").glob("*.md"))
NEEDS = {path: needs for path in PATHS if (needs := parse(path).needs)}
CLEAN, RACY = "clean program", "racy program"
_PROGRAM = re.compile(r"\b([a-z]+(?:-[a-z]+)*/\w+)\b(?:\.py)?")


def recorded(path: Path, tmp_path: Path) -> str:
    """Run a program and return the directory with its log."""
    launcher = ["-m", "raceway_autopatch.launcher", "--report", str(tmp_path / "report.json")]
    watched = run(*launcher, sys.executable, str(path), TMPDIR=str(tmp_path), RACEWAY_KEEP_RUN="1")
    assert watched.returncode == 0, watched.stderr
    (run_dir,) = tmp_path.glob("raceway-*")
    return str(run_dir)


def accusations(run_dir: str) -> list[str]:
    """Analyse a log; return what it says of warning or worse."""
    report = analysis.RunAnalysis(run_dir).finish()
    least = SEVERITIES.index("warning")
    return [
        f"{finding.type} {finding.variable}"
        for finding in report.findings
        if SEVERITIES.index(finding.severity) >= least
    ]


def drop(kinds: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the analysis read logs as if ops of these kinds had never been recorded."""
    codes = {ops.NAMES.index(kind) for kind in kinds}

    class Forgetful(OpLogReader):
        def next_chunk(self) -> Chunk | None:
            chunk = super().next_chunk()
            if chunk is None:
                return None
            kept = [
                item
                for at in range(0, len(chunk.ops), ops.STRIDE)
                if chunk.ops[at + 1] & ops.OP_MASK not in codes
                for item in chunk.ops[at : at + ops.STRIDE]
            ]
            return Chunk(chunk.definitions, kept, chunk.time)

    monkeypatch.setattr(analysis, "OpLogReader", Forgetful)
    if ops.FORK in codes:
        # A thread that nobody started is taken to know everything that came before it.
        monkeypatch.setattr(Replay, "_appears", lambda replay, number, _: replay._actor(number))


@pytest.mark.parametrize("path", NEEDS, ids=name_of)
def test_edge_is_needed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = parse(path)
    if sys.version_info < header.min_python:
        pytest.skip("needs Python " + ".".join(map(str, header.min_python)))
    for module in header.requires:
        pytest.importorskip(module)
    run_dir = recorded(path, tmp_path)
    assert [] == accusations(run_dir)
    drop(header.needs, monkeypatch)
    assert accusations(run_dir)


def rows(page: Path) -> list[dict[str, str]]:
    """Return the rows of all tables of a page that have a column for programs."""
    found, columns = [], []
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            columns = []
        elif not columns:
            columns = [cell.lower() for cell in cells]
        elif not set(line) <= set("|-: ") and {CLEAN, RACY} & set(columns):
            assert len(cells) == len(columns), f"{page.name}: {line}"
            found.append(dict(zip(columns, cells, strict=True)))
    return found


def programs(cell: str) -> set[str]:
    return set(_PROGRAM.findall(cell))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tables_name_programs_that_exist(page: Path) -> None:
    for row in rows(page):
        for column, clean in ((CLEAN, True), (RACY, False)):
            for name in programs(row[column]):
                path = PROGRAMS / f"{name}.py"
                assert path.exists(), f"{page.name}: {name}"
                assert parse(path).clean == clean, f"{page.name}: {name} as {column}"


@pytest.mark.parametrize("path", NEEDS, ids=name_of)
def test_needed_edge_is_in_a_table(path: Path) -> None:
    named = {name for page in PAGES for row in rows(page) for name in programs(row[CLEAN])}
    assert name_of(path) in named
