"""A server and an analysis on this side at once: what each of them gets, and that nothing is doubled."""

import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from server.running_server import running
from wire_server import WireServer, free_port

ROOT = str(Path(__file__).parents[2])
LAUNCHER = [sys.executable, "-m", "raceway_autopatch.launcher"]
PROGRAM = """
    import sqlite3, threading
    import raceway
    from raceway import RacewayClient, raceway_context

    client = RacewayClient()
    stock = raceway.watch({"apple": 5}, name="stock")
    start = threading.Barrier(2)

    def buy():
        start.wait()
        stock["apple"] -= 1
        with raceway_context():
            client.track_lock_acquire("advisory")
            client.track_state_change("row:1", None, 1, access_type="Write")
            client.track_lock_release("advisory")
            client.track_state_change("row:2", None, 1, access_type="Write")

    threads = [threading.Thread(target=buy) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sqlite3.connect(":memory:").execute("SELECT 1")
    print("sold")
"""


@pytest.fixture
def server():
    server = WireServer()
    yield server
    server.stop()


def launch(folder, url, program, *options):
    path = folder / "program.py"
    path.write_text(textwrap.dedent(program))
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, env.get("PYTHONPATH")]))
    env["PYTHONWARNINGS"] = "ignore::DeprecationWarning"  # of os.fork, from 3.12 on
    return subprocess.run(
        [*LAUNCHER, "--endpoint", url, "--service", "shop", *options, sys.executable, str(path)],
        capture_output=True, text=True, timeout=60, env=env, check=False, cwd=folder,
    )  # fmt: skip


def told(server):
    """What was sent, but for the findings."""
    named = ("variable", "lock_id", "query", "function_name")
    return Counter(
        (kind, *(fields[name].partition(":")[2] for name in named if name in fields))
        for kind, fields in server.kinds()
        if fields.get("name") != "raceway.finding"
    )


def test_the_findings_of_this_side_are_sent_and_the_events_are_the_same(server, tmp_path):
    done = launch(tmp_path, server.url, PROGRAM, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "sold\n", "")
    alone = told(server)
    assert "raceway.finding" not in str(server.bodies)
    server.batches.clear()
    server.bodies.clear()

    done = launch(tmp_path, server.url, PROGRAM, "--quiet", "--report", "r.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "sold\n", "")
    assert server.refusals == []
    assert told(server) == alone
    findings = json.loads((tmp_path / "r.json").read_text())["findings"]
    assert {finding["variable"] for finding in findings} == {"stock['apple']", "row:2"}
    custom = [event for event in server.events if "Custom" in event["kind"]]
    assert [event["kind"]["Custom"] for event in custom] == [
        {"name": "raceway.finding", "data": finding} for finding in findings
    ]
    assert {event["metadata"]["service_name"] for event in custom} == {"shop"}
    # A trace of their own: they are no part of what the program did.
    others = {event["trace_id"] for event in server.events if "Custom" not in event["kind"]}
    assert len({event["trace_id"] for event in custom}) == 1
    assert others.isdisjoint(event["trace_id"] for event in custom)


def test_the_report_and_the_exit_status_are_those_without_a_server(tmp_path):
    done = launch(tmp_path, f"http://127.0.0.1:{free_port()}", PROGRAM, "--fail-on", "critical")
    assert (done.returncode, done.stdout) == (66, "sold\n")
    assert "data race  stock['apple']" in done.stderr
    assert "not reachable" in done.stderr


def test_a_finding_that_is_known_is_not_sent(server, tmp_path):
    launch(tmp_path, server.url, PROGRAM, "--quiet", "--report", "r.json")
    server.bodies.clear()
    known = [finding["id"] for finding in json.loads((tmp_path / "r.json").read_text())["findings"]]
    (tmp_path / "raceway.toml").write_text(
        "".join(f'[[suppress]]\nfingerprint = "{one}"\nreason = "known"\n' for one in known)
    )
    done = launch(tmp_path, server.url, PROGRAM, "--quiet", "--report", "r.json")
    assert done.stderr == ""
    assert "StateChange" in str(server.bodies)
    assert "raceway.finding" not in str(server.bodies)


FORKS = """
    import os, threading
    import raceway

    shared = raceway.watch({"n": 0}, name="shared")
    lock = threading.Lock()
    shared["n"] = 1
    if not os.fork():
        with lock:
            shared["n"] = 2
        if not os.fork():
            with lock:
                shared["n"] = 3
            os._exit(0)
        os.wait()
        os._exit(0)
    os.wait()
"""


@pytest.mark.parametrize("options", [[], ["--report", "r.json"]], ids=["server", "both"])
def test_a_forked_child_knows_the_names_of_its_parent(server, tmp_path, options):
    done = launch(tmp_path, server.url, FORKS, "--quiet", *options)
    assert (done.returncode, done.stderr) == (0, "")
    changes = [fields for kind, fields in server.kinds() if kind == "StateChange"]
    assert sorted((change["variable"], change["new_value"]) for change in changes) == [
        ("shared['n']", 1), ("shared['n']", 2), ("shared['n']", 3)
    ]  # fmt: skip
    acquired = [event for event in server.events if "LockAcquire" in event["kind"]]
    assert [event["metadata"]["tags"]["lock_name"] for event in acquired] == ["lock", "lock"]
    assert len({event["metadata"]["process_id"] for event in acquired}) == 2


def test_a_server_of_ours_does_not_count_them_twice(tmp_path):
    with running(tmp_path / "data", cwd=tmp_path) as server:
        launch(tmp_path, server.url, PROGRAM, "--quiet")
        alone = {(one["id"], one["variable"]) for one in server.findings()}
    (tmp_path / "two").mkdir()
    with running(tmp_path / "two" / "data", cwd=tmp_path) as server:
        launch(tmp_path, server.url, PROGRAM, "--quiet", "--report", "r.json")
        both = {(one["id"], one["variable"]) for one in server.findings()}
        traces = server.data_of("/api/traces?page_size=100")["traces"]
        names = [
            event["kind"]["Custom"]["name"]
            for trace in traces
            for event in server.data_of(f"/api/traces/{trace['trace_id']}")["events"]
            if "Custom" in event["kind"]
        ]
    here = json.loads((tmp_path / "r.json").read_text())["findings"]
    assert both == alone
    assert names == ["raceway.finding"] * len(here)
    assert ("stock['apple']") in {variable for _, variable in both}
