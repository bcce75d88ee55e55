"""The pages that list the edges are true.

The pages in ``docs/reference/synchronization`` name for each construct a clean program whose header
says which ops it ``needs`` (test_programs.py looks whether that is so), and a racy one that a
stronger edge would hide.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_programs import PATHS, PROGRAMS, ROOT, name_of, parse

PAGES = sorted((ROOT / "docs/reference/synchronization").glob("*.md"))
NEEDS = {path: needs for path in PATHS if (needs := parse(path).needs)}
CLEAN, RACY = "clean program", "racy program"
_PROGRAM = re.compile(r"\b([a-z]+(?:-[a-z]+)*/\w+)\b(?:\.py)?")


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
