"""The gallery of real bugs: what its manifest names is there, and what it expects is so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples" / "real-bugs"

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

BUGS = tomllib.loads((FOLDER / "gallery.toml").read_text(encoding="utf-8"))["bug"]


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return tmp_path_factory.mktemp("packages")


def test_the_manifest_and_the_folder_agree():
    programs = {path.name for path in FOLDER.glob("*.py")} - {"run.py"}
    assert programs == {bug["program"] for bug in BUGS}
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for bug in BUGS:
        versions = [bug[which][-1].partition("==")[2] for which in ("broken", "fixed")]
        assert f"({bug['program']}) {', '.join(versions)} | [" in page
        assert f"({bug['issue']})" in page
        assert bug["broken"][:-1] == bug["fixed"][:-1]


@pytest.mark.slow
@pytest.mark.parametrize("name", [bug["name"] for bug in BUGS])
def test_it_is_found_in_one_release_and_not_in_the_next(name, packages, tmp_path):
    rows = tmp_path / "rows.json"
    ended = subprocess.run(
        [sys.executable, FOLDER / "run.py", name, "--packages", packages, "--json", rows],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    (row,) = json.loads(rows.read_text(encoding="utf-8"))
    if "cannot be installed" in row.get("error", ""):
        pytest.skip(row["error"])
    assert row["as_expected"], ended.stdout
    assert ended.returncode == 0
