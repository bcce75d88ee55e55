"""The benchmarks run, and a comparison with the baseline fails when it should."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import comparison
from benchmarks.plot import Plot

ROOT = Path(__file__).parent.parent


def benchmarks(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_single_operations_and_their_comparison(tmp_path):
    file = tmp_path / "results.json"

    done = benchmarks("operations", "--rounds", "1", "--only", "slot", "--json", str(file))

    assert done.returncode == 0, done.stderr
    results = json.loads(file.read_text())["results"]["operations"]
    assert {*results} == {"slot read", "slot write"}
    for found in results.values():
        assert found["ns"]["pure"] > found["ns"]["plain"] > 0
        assert found["ratios"]["pure"] > 0


def test_a_whole_program(tmp_path):
    file = tmp_path / "results.json"

    done = benchmarks("programs", "--rounds", "1", "--only", "acquire", "--json", str(file))

    assert done.returncode == 0, done.stderr
    ratios = json.loads(file.read_text())["results"]["programs"]["acquire, release"]["ratios"]
    assert ratios["pure"] > 1


@pytest.fixture
def baseline(tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "BASELINE", tmp_path / "baseline.json")
    known = {"3.11": {"programs/one/pure": 2.0, "programs/one/accelerated": 1.0}}
    comparison.BASELINE.write_text(json.dumps(known))


@pytest.mark.usefixtures("baseline")
@pytest.mark.parametrize(
    ("pure", "worse"),
    [(2.0, []), (1.0, []), (2.5, []), (2.6, ["programs/one/pure: 2.60, was 2.00"])],
)
@pytest.mark.parametrize("version", ["3.11", "3.13"])
def test_a_ratio_that_is_a_quarter_worse_is_a_regression(version, pure, worse):
    results = {"programs": {"one": {"ratios": {"pure": pure, "new": 9.0}}}}

    assert comparison.regressions(version, results) == worse


@pytest.mark.usefixtures("baseline")
def test_an_update_keeps_what_was_not_measured_and_leaves_rivals_out():
    results = {"programs": {"one": {"ratios": {"pure": 3.0, "pyvft": 70.0}}}}

    assert comparison.updated("3.11", results) == {
        "3.11": {"programs/one/pure": 3.0, "programs/one/accelerated": 1.0}
    }


def test_the_committed_baseline_has_all_programs():
    from benchmarks.programs import PROGRAMS

    known = json.loads((ROOT / "benchmarks" / "baseline.json").read_text())
    for ratios in known.values():
        assert {f"programs/{name}/accelerated" for name in PROGRAMS} <= ratios.keys()


def test_a_plot_has_a_line_for_each_name():
    plot = Plot("growth", "ops", "us")
    plot.lines = {"one <": [(1, 2.0), (1000, 2.5)], "two": [(1, 0.05), (10, 300)]}

    svg = plot.svg()

    assert svg.count("<polyline") == 2
    assert "one &lt;" in svg
    assert "1,000" in svg
