"""The op log takes no more of the disk than it may."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raceway.analysis import RunAnalysis
from raceway.record.oplog import OpLog
from raceway.report.summary import summary_lines

ROOT = Path(__file__).parent.parent.parent

PROGRAM = """
import threading
import raceway

class Account:
    balance = 0

acct = raceway.watch(Account(), name="acct")

def bump():
    acct.balance += 1

threads = [threading.Thread(target=bump) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for _ in range(300_000):
    acct.balance += 1
print(acct.balance)
"""


@pytest.fixture
def recorded(tmp_path):
    """Run the program with nobody who reads what it records."""

    def run(**settings):
        folder = tmp_path / "run"
        folder.mkdir()
        env = {name: text for name, text in os.environ.items() if not name.startswith("RACEWAY_")}
        paths = [str(ROOT / "raceway_autopatch/bootstrap"), str(ROOT), env.get("PYTHONPATH")]
        env |= {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "RACEWAY_RUN_DIR": str(folder)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=env | settings, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "300002\n", "")
        return folder

    return run


def size(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def test_a_log_of_which_nothing_is_read_ends_at_the_limit(recorded):
    folder = recorded(RACEWAY_MAX_LOG_MIB="1")

    assert (1 << 19) < size(folder) < (1 << 20) + (1 << 18)
    report = RunAnalysis(str(folder)).finish()
    assert report.processes[0].ended == "lost: the analysis is 1 MiB behind"
    assert report.counts.dropped > 50_000
    assert report.counts.internal_errors == 0
    assert {finding.variable for finding in report.findings} == {"acct.balance"}


def test_an_analysis_that_is_ended_says_what_it_has_left_out(recorded):
    folder = recorded()
    backlogs = []

    def go_on(backlog):
        backlogs.append(backlog())
        return len(backlogs) < 3

    analysis = RunAnalysis(str(folder))
    analysis.catch_up(go_on)
    report = analysis.finish()

    assert len(backlogs) == 3
    assert backlogs[2] == report.counts.dropped > 100_000
    assert report.processes[0].ended == f"not analysed: {backlogs[2]:,}"
    assert {finding.variable for finding in report.findings} == {"acct.balance"}
    (line,) = (line for line in summary_lines(report) if line.startswith("process"))
    assert "was not analysed to its end" in line


def test_an_unusable_limit_is_named_in_the_report(recorded):
    folder = recorded(RACEWAY_MAX_LOG_MIB="lots")

    report = RunAnalysis(str(folder)).finish()
    assert report.processes[0].ended == "exit"
    assert report.counts.dropped == 0
    assert "RACEWAY_MAX_LOG_MIB=lots is no number of MiB; it is 1024" in report.notes


def test_a_log_that_is_read_goes_on_and_on(tmp_path, monkeypatch):
    monkeypatch.setenv("RACEWAY_MAX_LOG_MIB", "1")
    log, written = OpLog(str(tmp_path)), 0
    analysis = RunAnalysis(str(tmp_path), keep=False)
    for _ in range(60):
        chunk = [0, 1 << 40, None, "x" * 1000] * 100
        log.write(chunk, [])
        written += 100
        analysis.step()

    assert size(tmp_path) < 1 << 20
    assert int(log.path.rpartition(".")[2]) > 10
    assert analysis.finish().counts.events == written


def test_what_has_been_read_stays_where_it_is_to_be_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("RACEWAY_MAX_LOG_MIB", "1")
    log, analysis = OpLog(str(tmp_path)), RunAnalysis(str(tmp_path))
    with pytest.raises(OSError, match="the analysis is 1 MiB behind"):
        while True:
            log.write([0, 1 << 40, None, "x" * 1000] * 100, [])
            analysis.step()

    assert len(list(tmp_path.iterdir())) == 4
