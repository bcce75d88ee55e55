"""POST /events: what is taken, what is refused and why, and that what is acknowledged stays."""

import gzip
import json
import signal
import subprocess
import sys
import threading
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from running_server import access, environment, running

EXAMPLE = Path(__file__).parent / "example_batch.json"


def test_every_kind_is_taken(shared_server):
    events = json.loads(EXAMPLE.read_text())["events"]

    answer = shared_server.post(events)

    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "data": f"Ingested {len(events)} events",
        "error": None,
    }
    trace = shared_server.data_of(f"/api/traces/{events[0]['trace_id']}")
    assert trace["events"] == events


def test_one_bad_event_is_refused_alone(shared_server):
    good, bad, other = (access("x", "Write", line) for line in (1, 2, 3))
    bad["metadata"]["thread_id"] = 7

    answer = shared_server.post([good, bad, other])

    assert answer.status_code == 206
    body = answer.json()
    assert body["data"] == "Ingested 2 events, 1 errors"
    (refused,) = body["refused"]
    assert refused["index"] == 1 and refused["id"] == bad["id"]
    assert refused["reason"].startswith("events[1]: Expected `str`, got `int`")
    assert "metadata.thread_id" in refused["reason"]


BAD = {
    "no offset": {"timestamp": "2025-11-04T10:00:00"},
    "no such day": {"timestamp": "2025-02-30T10:00:00Z"},
    "a time that no database holds": {"timestamp": "9999-12-31T23:59:59Z"},
    "a time before 1970": {"timestamp": "0001-01-01T00:00:00Z"},
    "a number for a time": {"timestamp": 5},
    "no UUID": {"id": "task-123"},
    "an empty parent": {"parent_id": ""},
    "a negative clock": {"causality_vector": [["a", -1]]},
    "a fraction in a clock": {"causality_vector": [["a", 1.0]]},
    "no kind": {"kind": {}},
    "two kinds": {
        "kind": {"Custom": {"name": "", "data": 1}, "DatabaseResult": {"rows_affected": 1}}
    },
    "an unknown kind": {"kind": {"FunctionEntry": {}}},
    "a missing field": {"kind": {"Custom": {"name": "x"}}},
    "a fraction of a millisecond": {
        "kind": {"HttpResponse": {"status": 200, "headers": {}, "duration_ms": 1.5}}
    },
    "a status out of range": {
        "kind": {"HttpResponse": {"status": 70000, "headers": {}, "duration_ms": 1}}
    },
    "a header that is no text": {
        "kind": {"HttpRequest": {"method": "GET", "url": "/", "headers": {"a": 1}}}
    },
    "a task that is no UUID": {"kind": {"AsyncAwait": {"future_id": "f-1", "awaited_at": "a:1"}}},
    "an unknown access": {
        "kind": {
            "StateChange": {"variable": "x", "new_value": 1, "location": "", "access_type": "RW"}
        }
    },
    "no lock set": {"lock_set": None},
}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_what_is_wrong_is_refused(shared_server, change):
    answer = shared_server.post([{**access("x", "Read", 1), **change}])

    assert answer.status_code == 206
    assert answer.json()["data"] == "Ingested 0 events, 1 errors"
    assert answer.json()["refused"][0]["reason"]


GOOD = {
    "urn": {"id": "urn:uuid:7C9E6679-7425-40DE-944B-E07FC1F90AE1"},
    "braces": {"id": "{7c9e6679-7425-40de-944b-e07fc1f90ae2}"},
    "digits": {"trace_id": "7c9e6679742540de944be07fc1f90ae3"},
    "a blank in a time": {"timestamp": "2025-11-04 10:00:60.1234567891+0200"},
    "a large number": {"kind": {"Custom": {"name": "x", "data": 10**30}}},
    "more fields": {"color": "red"},
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_other_spellings_are_taken(shared_server, change):
    sent = {**access("x", "Read", 1), **change}
    assert shared_server.post([sent]).status_code == 200
    trace = shared_server.data_of(f"/api/traces/{sent['trace_id']}")
    assert trace["events"] == [sent]


def test_an_event_counts_once_however_often_it_comes(server):
    events = [access("x", "Write", line) for line in range(5)]

    assert [server.post(events).status_code for _ in range(3)] == [200, 200, 200]

    assert server.data_of("/status")["events_captured"] == 5


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"[]", 400, "Expected `object`, got `array`"),
        (b'{"events":[{"a":NaN}]}', 400, "malformed"),
        (b'{"events":["\\ud800"]}', 400, "Failed to parse"),
        (b'{"events":[' + b"[" * 100_000, 400, "Failed to parse"),
        (b"{", 400, "truncated"),
        (b'{"events":[]}', 200, "Ingested 0 events"),
    ],
)
def test_bodies(shared_server, body, status, text):
    answer = shared_server.session.post(
        f"{shared_server.url}/events", data=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, text in answer.text) == (status, True), answer.text


def test_other_types_are_refused(shared_server):
    url = f"{shared_server.url}/events"
    post = shared_server.session.post
    assert post(url, data=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    for kind in ("application/json;charset=utf-8", "application/x+json"):
        answer = post(url, data=b'{"events":[]}', headers={"Content-Type": kind})
        assert answer.status_code == 200
    headers = {"Content-Type": "application/json", "Content-Encoding": "br"}
    assert post(url, data=b"{}", headers=headers).status_code == 415


def test_gzip(shared_server):
    def post(data):
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        url = f"{shared_server.url}/events"
        return shared_server.session.post(url, data=data, headers=headers).status_code

    body = json.dumps({"events": [access("x", "Read", 1)]}).encode()
    assert post(gzip.compress(body)) == 200
    assert post(gzip.compress(body)[:-9]) == 400
    assert post(body) == 400
    assert post(gzip.compress(b" " * (17 * 1024 * 1024))) == 413


def test_too_large(shared_server):
    answer = shared_server.session.post(
        f"{shared_server.url}/events",
        data=b" " * (16 * 1024 * 1024 + 1),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413


def test_a_full_queue_says_so(tmp_path):
    (tmp_path / "raceway.toml").write_text("[engine]\nbuffer_size = 1000\n")
    statuses = []
    with running(tmp_path / "data", cwd=tmp_path) as server:

        def post():
            answer = server.post([access("x", "Read", 1) for _ in range(5000)])
            statuses.append((answer.status_code, answer.headers.get("retry-after")))

        threads = [threading.Thread(target=post) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken = statuses.count((200, None))
        assert set(statuses) <= {(200, None), (503, "1")} and taken
        assert server.data_of("/status")["events_captured"] == 5000 * taken


def _feed(server, acknowledged, stop):
    session = type(server.session)()
    session.trust_env = False
    while not stop.is_set():
        events = [access("x", "Write", line) for line in range(100)]
        try:
            answer = session.post(f"{server.url}/events", json={"events": events}, timeout=10)
        except Exception:
            return
        if answer.status_code == 200:
            acknowledged.append([one["id"] for one in events])


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_what_is_acknowledged_survives_kill_9(tmp_path, times):
    acknowledged = []
    for _ in range(times):
        with running(tmp_path / "data", cwd=tmp_path) as server:
            stop = threading.Event()
            before = len(acknowledged)
            threads = [
                threading.Thread(target=_feed, args=(server, acknowledged, stop)) for _ in range(3)
            ]
            for thread in threads:
                thread.start()
            server.wait(lambda before=before: len(acknowledged) > before + 5)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            stop.set()
            for thread in threads:
                thread.join()
    with running(tmp_path / "data", cwd=tmp_path) as server:
        stored = _ids(server.data)
        assert {one for batch in acknowledged for one in batch} <= stored
        # What is there is known again.
        again = access("x", "Write", 1) | {"id": acknowledged[-1][0]}
        count = server.data_of("/status")["events_captured"]
        assert server.post([again]).status_code == 200
        assert server.data_of("/status")["events_captured"] == count == len(stored)


def _ids(data):
    import sqlite3

    with closing(sqlite3.connect(data / "events.sqlite")) as db:
        rows = db.execute("SELECT ids FROM segment").fetchall()
    return {
        str(uuid.UUID(bytes=ids[at : at + 16])) for (ids,) in rows for at in range(0, len(ids), 16)
    }


def test_old_events_go(tmp_path):
    (tmp_path / "raceway.toml").write_text("[storage]\nmax_bytes = 100000\n")
    with running(tmp_path / "data", cwd=tmp_path) as server:
        for _ in range(8):
            assert server.post([access(f"{uuid.uuid4()}", "Write", 1) for _ in range(1000)]).ok
        server.wait(lambda: server.data_of("/api/v1/system")["events_kept"] < 8_000, "deletion")
        assert server.data_of("/status")["events_captured"] == 8_000
        traces = server.data_of("/api/traces")
        assert traces["total_traces"] < 8_000


def run(*arguments, cwd, **env):
    return subprocess.run(
        [sys.executable, "-m", "raceway", "serve", *arguments],
        cwd=cwd, env=environment() | env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_what_cannot_be_served_is_said(server, tmp_path):
    port = server.url.rpartition(":")[2]
    other = run("--port", port, "--data", str(tmp_path / "other"), cwd=tmp_path)
    assert other.returncode == 2
    assert f"127.0.0.1:{port} is in use by another Raceway server" in other.stderr

    same = run("--port", "0", "--data", str(server.data), cwd=tmp_path)
    assert same.returncode == 2
    assert f"in use by another raceway serve (process {server.process.pid}" in same.stderr

    wide = run("--host", "0.0.0.0", cwd=tmp_path)
    assert wide.returncode == 2 and "no key is set" in wide.stderr

    (tmp_path / "bad.toml").write_text("[server]\nport = 'x'\n")
    bad = run("-c", "bad.toml", cwd=tmp_path)
    assert bad.returncode == 2 and "port = 'x' is not usable: give a whole number" in bad.stderr
    for log in (other, same, wide, bad):
        assert log.stderr.startswith("raceway: ") and "Traceback" not in log.stderr


def test_it_stops_at_once(server):
    stream = server.get("/live", stream=True)
    assert stream.status_code == 200
    import time

    begun = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begun < 3
    stream.close()
