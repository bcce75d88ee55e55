"""A recording that is sent to a server later: ``raceway report --to``."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from running_server import environment, running

PROGRAM = """
import os
import threading

import raceway

account = raceway.watch({"balance": 100}, name="account")
lock = threading.Lock()
turn = threading.Barrier(2)


def withdraw():
    with lock:
        balance = account["balance"]
    turn.wait()
    with lock:
        account["balance"] = balance - 10


def both():
    threads = [threading.Thread(target=withdraw) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


both()
child = os.fork()
if not child:
    both()
    os._exit(0)
os.waitpid(child, 0)
"""


def raceway(*arguments, cwd, module="raceway", **env):
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=cwd, env=environment() | env, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


@pytest.fixture
def recording(tmp_path):
    """Yield the folder of a recording."""
    (tmp_path / "bank.py").write_text(PROGRAM)
    done = raceway(
        "run", sys.executable, "bank.py", cwd=tmp_path, RACEWAY_KEEP_RUN="1", TMPDIR=str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    return re.search(r"kept in (\S+)", done.stderr)[1]


def send(recording, url, *arguments, cwd, **env):
    return raceway("report", recording, "--to", url, *arguments, cwd=cwd, **env)


def test_a_recording_is_found_as_the_run_would_have_been(recording, tmp_path):
    shown = raceway("report", recording, "-q", "--report", "r.json", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    expected = json.loads((tmp_path / "r.json").read_text())["findings"]
    assert expected

    with running(tmp_path / "data", cwd=tmp_path) as server:
        sent = send(recording, server.url, "--service", "bank", cwd=tmp_path)
        assert sent.returncode == 0, sent.stderr
        events = int(re.match(r"(\d+) events of 2 processes sent", sent.stdout)[1])
        found = server.findings()
        assert {one["id"] for one in expected} == {one["id"] for one in found}
        assert {one["severity"] for one in found} == {"critical"}
        runs = server.data_of("/api/v1/runs")["runs"]
        logs = Path(recording).glob("*.oplog")
        assert {f"bank#{log.stem}" for log in logs} == {one["id"] for one in runs}
        assert sum(one["events"] for one in runs) == events
        began, ended = (f(one["first"] for one in runs) for f in (min, max))
        assert began < ended

        again = send(recording, server.url, "--service", "bank", cwd=tmp_path)
        assert again.returncode == 0
        assert again.stdout.startswith("0 events of 2 processes sent")
        assert "2 known there already" in again.stdout
        assert server.data_of("/status")["events_captured"] == events


def test_one_log_and_a_key_that_may_only_ingest(recording, tmp_path):
    (tmp_path / "raceway.toml").write_text(
        '[server]\napi_keys = [{ key = "may-ingest", scopes = ["ingest"] }, "all-of-it"]\n'
        "[engine]\ndelay_ms = 150\n"
    )
    # That of the forked child, which rests on what its parent has defined.
    logs = sorted(Path(recording).glob("*.oplog"))
    (log,) = [path for path in logs if b".oplog" in path.read_bytes()]
    with running(tmp_path / "data", cwd=tmp_path) as server:
        server.session.headers["Authorization"] = "Bearer all-of-it"
        for _ in range(2):
            sent = send(log, server.url, "--api-key", "may-ingest", cwd=tmp_path)
            assert sent.returncode == 0, sent.stderr
            events = int(re.match(r"(\d+) events of 1 process sent", sent.stdout)[1])
            assert server.data_of("/status")["events_captured"] == events > 0
        (found,) = server.findings()
        assert found["variable"] == "account['balance']"
        document = found.get("document", found)
        assert "withdraw" in json.dumps(document)

        for key, text in (
            (["--api-key", "wrong"], "refuses the key (401)"),
            ([], "refuses events without a key (401)"),
        ):
            refused = send(log, server.url, *key, cwd=tmp_path)
            assert refused.returncode == 2 and text in refused.stderr
            assert "--api-key" in refused.stderr
        assert send(log, server.url, cwd=tmp_path, RACEWAY_API_KEY="may-ingest").returncode == 0


def test_what_cannot_be_sent_is_said(shared_server, tmp_path):
    url = shared_server.url
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "bad.oplog").write_bytes(b"x" * 100)
    (tmp_path / "empty").mkdir()
    for source, text in (
        ("report.json", "is no recording: only that can be sent"),
        ("bad.oplog", "is no recording, or of another version"),
        ("empty", "there is no recording in it"),
        ("nothing", "there is no such file or folder"),
    ):
        done = send(source, url, cwd=tmp_path)
        assert done.returncode == 2 and text in done.stderr, done.stderr
        assert "Traceback" not in done.stderr

    done = send("empty", url, "--report", "x.html", cwd=tmp_path)
    assert done.returncode == 2 and "leave --report out" in done.stderr
    done = send("empty", "somewhere", cwd=tmp_path)
    assert done.returncode == 2 and "endpoint='somewhere'" in done.stderr


def test_a_server_that_is_not_there(recording, tmp_path):
    done = send(recording, "http://127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 2
    assert "http://127.0.0.1:1 cannot be reached" in done.stderr
    assert "raceway serve starts one" in done.stderr
