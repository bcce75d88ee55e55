"""``run.trace.json``: what viewers of the Trace Event Format need, of real runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from raceway.analysis import RunAnalysis
from raceway.model.findings import Report
from raceway.pipeline import run_trace
from raceway.report.files import write_report
from raceway.report.formats import report_format
from raceway.report.run_trace import render_run_trace

ROOT = Path(__file__).parents[2]
PROGRAM = """
    import asyncio, http.server, os, threading, urllib.request
    import raceway

    account = raceway.watch({"balance": 100}, name="account")
    outer = threading.Lock()
    inner = threading.RLock()

    def withdraw():
        with outer, inner, inner:
            balance = account["balance"]
        with outer:
            account["balance"] = balance - 10

    threads = [threading.Thread(target=withdraw, name=f"w{n}") for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def deposit():
        account["balance"] += 1
        await asyncio.sleep(0)

    async def main():
        await asyncio.gather(deposit(), deposit())

    asyncio.run(main())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{server.server_address[1]}/prices?token=1")
    except urllib.error.HTTPError:
        pass
    server.shutdown()
    serving.join()
    server.server_close()
    outer.acquire()  # and held at the end
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Record the program; return its run directory."""
    return record(tmp_path_factory.mktemp("traced"), PROGRAM)


def record(folder, program):
    (folder / "app.py").write_text(textwrap.dedent(program))
    (folder / "run").mkdir()
    env = {k: v for k, v in os.environ.items() if not k.startswith("RACEWAY_")}
    env["PYTHONPATH"] = f"{ROOT / 'raceway_autopatch/bootstrap'}{os.pathsep}{ROOT}"
    env["RACEWAY_RUN_DIR"] = str(folder / "run")
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=folder, env=env, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def report(run):
    return RunAnalysis(str(run), trace=True).finish(command=("python", "app.py"))


def check(document):
    """Assert that a trace is well-formed; return its events."""
    events = document["traceEvents"]
    slices, named, flows = {}, set(), {}
    for event in events:
        assert event["ph"] in "XMistf"
        assert isinstance(event["name"], str) and event["name"]
        for key in ("pid", "tid"):
            assert 0 <= event[key] < 2**32
        track = event["pid"], event["tid"]
        if event["ph"] == "M":
            named.add(track)
            continue
        assert isinstance(event["ts"], int) and event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] > 0
            slices.setdefault(track, []).append((event["ts"], event["ts"] + event["dur"]))
        elif event["ph"] in "stf":
            flows.setdefault(event["id"], []).append(event)
            assert event.get("bp", "e") == "e"
    # Every track has a name, and none is used by two processes.
    assert set(slices) <= named
    assert max(Counter(tid for _, tid in slices).values(), default=1) == 1
    for track, spans in slices.items():
        inside = []
        for begin, end in sorted(spans, key=lambda span: (span[0], -span[1])):
            while inside and inside[-1] <= begin:
                inside.pop()
            assert not inside or end <= inside[-1], (track, begin, end)
            inside.append(end)
    for parts in flows.values():
        phases = [part["ph"] for part in parts]
        assert phases == ["s", *["t"] * (len(parts) - 2), "f"]
        for part in parts:
            spans = slices[part["pid"], part["tid"]]
            assert any(begin <= part["ts"] < end for begin, end in spans), part
    return events


def tracks(events):
    return {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}


def test_a_run(report):
    """Actors with what they did, locks with who held them, in the order of the run."""
    document = json.loads(render_run_trace(report, root=""))
    events = check(document)
    names = tracks(events)
    assert {"MainThread", "w0", "w1", "w2", "outer", "inner"} <= set(names.values())
    assert sum(name.startswith("task ") for name in names.values()) >= 3
    accesses = [e for e in events if e.get("cat") == "access" and "account" in e["name"]]
    by_actor = Counter((names[e["tid"]], e["name"].split()[0]) for e in accesses)
    assert by_actor["w0", "read"] == by_actor["w0", "write"] == 1
    assert all(e["args"]["at"].partition(":")[2].isdigit() for e in accesses)
    under = {e["args"]["locks"] for e in accesses if names[e["tid"]] == "w1"}
    assert under == {"outer, inner", "outer"}
    holds = [e for e in events if e.get("cat") == "lock" and names[e["tid"]] == "outer"]
    assert Counter(e["name"] for e in holds) == {"w0": 2, "w1": 2, "w2": 2, "MainThread": 1}
    assert "this is not time" in document["otherData"]["time"]
    assert document["otherData"]["omitted"] == 0


def test_calls_are_slices(report):
    """From request to response, without what may be secret."""
    events = check(json.loads(render_run_trace(report, root="")))
    (call,) = [e for e in events if e.get("cat") == "call"]
    assert call["name"].startswith("GET http://127.0.0.1:")
    assert call["name"].endswith("/prices")
    assert call["args"] == {"status": "501"}


def test_findings_are_arrows(report):
    """Through the accesses, each of which is marked and says what is wrong."""
    events = check(json.loads(render_run_trace(report, root="")))
    assert report.findings
    for finding in report.findings:
        marks = [e for e in events if e.get("cat") == "finding" and finding.id in e["name"]]
        assert len(marks) == len(finding.accesses)
        assert all(mark["args"]["message"] == finding.message for mark in marks)
        arrow = [e for e in events if e.get("cat") == "flow" and e["name"] == finding.id]
        assert [e["ts"] for e in arrow] == sorted(mark["ts"] for mark in marks)


def test_actors_are_started_and_awaited_by_arrows(report):
    """From start to first operation, from end to who waits."""
    events = check(json.loads(render_run_trace(report, root="")))
    names = tracks(events)
    flows = {}
    for e in events:
        if e.get("cat") == "flow" and e["name"] in ("start", "join"):
            flows.setdefault(e["id"], [e["name"]]).append(names[e["tid"]])
    told = {tuple(parts) for parts in flows.values()}
    assert {("start", "MainThread", "w0"), ("join", "w0", "MainThread")} <= told


@pytest.mark.parametrize("kept", [1, 7, 40])
def test_the_last_events_are_kept(run, monkeypatch, kept):
    """Memory has a bound; the trace says how many are missing, findings are there all the same."""
    init = run_trace.TracingReplay.__init__
    monkeypatch.setattr(run_trace.TracingReplay, "__init__", lambda *args: init(*args, kept=kept))
    report = RunAnalysis(str(run), trace=True).finish()
    document = json.loads(render_run_trace(report, root=""))
    events = check(document)
    assert len(report.run_trace.events) == kept + 1  # and the lock that is still held
    assert document["otherData"]["omitted"] > 0
    assert any("are left out" in event["name"] for event in events)
    for finding in report.findings:
        assert any(finding.id in e["name"] for e in events if e.get("cat") == "finding")


LONG_PROGRAM = """
    import threading
    import raceway

    account = raceway.watch({"balance": 100}, name="account")
    lock = threading.Lock()

    def work():
        for _ in range(2000):
            with lock:
                account["balance"] += 1
            account["balance"]

    with lock:
        for _ in range(3):
            threads = [threading.Thread(target=work) for n in range(2)]
            for thread in threads:
                thread.start()
            lock.release()
            for thread in threads:
                thread.join()
            lock.acquire()
"""


def test_of_what_is_long_past_no_note_is_taken(tmp_path, monkeypatch):
    """While more is waiting than is kept; what is shown is the same, and what is not is counted."""
    run = record(tmp_path, LONG_PROGRAM)
    whole = RunAnalysis(str(run), trace=True).finish()
    noted = 0
    for reach in (0, 5_000, 20_000):
        monkeypatch.setattr(run_trace.TracingReplay, "reach", reach)
        late = RunAnalysis(str(run), trace=True).finish()
        trace = late.run_trace
        assert late.findings == whole.findings
        assert trace.omitted + len(trace.events) == len(whole.run_trace.events)
        assert noted < len(trace.events) < len(whole.run_trace.events)
        noted = len(trace.events)
        began = [event.kind == "hold" and event.at <= trace.first for event in trace.events]
        assert sum(began) <= 1  # nobody has written down since when
        shown = [event for event, early in zip(trace.events, began, strict=True) if not early]
        assert shown == list(whole.run_trace.events[-len(shown) :])
    assert noted > 5_000


def test_it_changes_nothing_else(run, report):
    """Findings and counts are those without it."""
    plain = RunAnalysis(str(run)).finish(command=("python", "app.py"))
    assert plain.run_trace is None
    assert (plain.findings, plain.counts, plain.notes) == (
        report.findings, report.counts, report.notes
    )  # fmt: skip


def test_the_name_decides(tmp_path, report):
    """Only the double suffix; a report that has no trace says how to get one."""
    assert report_format("a/Run.Trace.json") == ".trace.json"
    assert report_format("trace.json") == ".json"
    write_report(report, tmp_path / "run.trace.json")
    check(json.loads((tmp_path / "run.trace.json").read_text("utf-8")))
    with pytest.raises(ValueError, match=r"give --report FILE\.trace\.json to raceway-run"):
        write_report(Report(), tmp_path / "none.trace.json")
    assert not (tmp_path / "none.trace.json").exists()


def raceway(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "raceway", *arguments], cwd=cwd, capture_output=True, text=True,
        timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_from_the_command_line(run, tmp_path):
    """Of a recording, and not of a report, which does not have it."""
    done = raceway(
        "report", str(run), "--report", "r.json", "--report", "a.trace.json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert len(check(json.loads((tmp_path / "a.trace.json").read_text("utf-8")))) > 50
    done = raceway("report", "r.json", "--report", "b.trace.json", cwd=tmp_path)
    assert done.returncode != 0
    assert "b.trace.json: the report has no trace of the run" in done.stderr


def test_an_empty_run():
    """There is nothing to see, and that is no error."""
    from raceway.model.run_trace import RunTrace

    assert check(json.loads(render_run_trace(Report(run_trace=RunTrace()), root=""))) == []
