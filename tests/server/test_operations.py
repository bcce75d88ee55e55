"""What an operator meets: full disks, taken ports, wrong clocks, kill and stop."""

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import requests
from running_server import access, environment, running


@pytest.fixture
def small_disk(tmp_path):
    """Yield a folder with room for three megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_disk(small_disk, tmp_path):
    with running(small_disk / "data", cwd=tmp_path) as server:
        races = [access("x", "Write", 5 + n, n, thread=f"h:t-{n}", at=n / 100) for n in range(2)]
        assert server.post(races).ok
        assert len(server.findings()) == 1
        for _ in range(60):
            values = [os.urandom(100).hex() for _ in range(1000)]
            answer = server.post([access("y", "Write", 1, value) for value in values])
            if answer.status_code != 200:
                break
        with pytest.raises(OSError), (small_disk / "rest").open("wb", 0) as rest:
            while True:
                rest.write(b"x" * 4096)
        for _ in range(20):  # there may be some room in the files themselves
            answer = server.post([access("y", "Write", 1, os.urandom(99999).hex())])
            if answer.status_code != 200:
                break
        assert answer.status_code == 503 and answer.headers["retry-after"] == "10"
        assert "database or disk is full" in answer.json()["error"]
        # What is there can be read, in every file.
        assert server.get("/health").status_code == 503
        stored = server.data_of("/status")["events_captured"]
        assert len(server.data_of("/api/v1/findings")["findings"]) == 1
        (found,) = server.data_of("/api/v1/findings")["findings"]
        for path in ("/", f"/findings/{found['id']}", "/api/traces", "/api/v1/system", "/metrics"):
            assert server.get(path).status_code == 200
        status = server.session.post(
            f"{server.url}/api/v1/findings/{found['id']}/status", json={"status": "fixed"}
        )
        assert status.status_code in {200, 503}
        # It goes on by itself when there is room.
        (small_disk / "rest").unlink()
        subprocess.run(["mount", "-o", "remount,size=60m", str(small_disk)], check=True)
        server.wait(lambda: server.post([access("z", "Read", 1)]).ok, "storing")
        assert server.data_of("/status")["events_captured"] > stored
        assert server.get("/health").status_code == 200
        server.analysed()
        server.stop()
    log = Path(f"{small_disk}/data.log").read_text()
    assert "full" in log and "Traceback" not in log


def test_it_does_not_start_on_a_full_disk(small_disk, tmp_path):
    with pytest.raises(OSError), (small_disk / "rest").open("wb", 0) as rest:
        while True:
            rest.write(b"x" * 4096)
    run = subprocess.run(
        [sys.executable, "-m", "raceway", "serve", "--port", "0", "--data",
         str(small_disk / "data")],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr.startswith(f"raceway: {small_disk}/data: cannot be used as data folder: ")
    assert "Traceback" not in run.stderr


def test_a_port_of_another_program(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = subprocess.run(
            [sys.executable, "-m", "raceway", "serve", "--port", str(port), "--data", "data"],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert run.returncode == 2
    assert f"127.0.0.1:{port} is in use by another program (ss -ltnp" in run.stderr


def test_it_stops_with_streams_and_senders(tmp_path):
    with running(tmp_path / "data", cwd=tmp_path) as server:
        streams = [server.session.get(f"{server.url}/live", stream=True) for _ in range(8)]
        assert {stream.status_code for stream in streams} == {200}
        taken = []
        stop = threading.Event()

        def send():
            while not stop.is_set():
                events = [access("x", "Write", 1) for _ in range(200)]
                try:
                    answer = requests.post(
                        f"{server.url}/events", json={"events": events}, timeout=30
                    )
                except requests.RequestException:
                    return
                if answer.status_code == 200:
                    taken.append(200)

        sender = threading.Thread(target=send)
        sender.start()
        server.wait(lambda: len(taken) > 3)
        begun = time.monotonic()
        assert server.stop() == 0
        took = time.monotonic() - begun
        stop.set()
        sender.join()
        for stream in streams:
            stream.close()
        # Streams end at once, requests have a second, and then it is over; this machine is slow.
        assert took < 4
    with running(tmp_path / "data", cwd=tmp_path) as server:
        assert server.data_of("/status")["events_captured"] >= sum(taken)


def test_it_stops_while_somebody_is_sending(server):
    """The log, which is looked at when the test is over, has no traceback."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as sender:
        head = f"POST /events HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        sender.sendall(f'{head}Content-Length: 1000\r\n\r\n{{"events":'.encode())
        assert server.get("/health").status_code == 200
        assert server.stop() == 0


def at_clock(event, ahead):
    """Return an event of now, by a clock that is wrong."""
    now = datetime.now(timezone.utc) + timedelta(seconds=ahead)
    return event | {"timestamp": now.isoformat(timespec="microseconds")}


def test_clocks_that_are_wrong(tmp_path):
    """Who has stored and who has read in the end is told in the order in which it happened."""
    with running(tmp_path / "data", cwd=tmp_path) as server:

        def tell(service, ahead, kind, value):
            one = access("stock", kind, 5, value, service=service, thread=f"{service}:1")
            one["metadata"]["instance_id"] = f"{service}-1"
            assert server.post([at_clock(one, ahead)]).ok
            time.sleep(0.05)

        # One is a day ahead, one an hour behind; they take turns.
        order = []
        for turn in range(3):
            for service, ahead in (("right", 0), ("ahead", 86400), ("behind", -3600)):
                order.append(10 * turn + len(order) % 3)
                tell(service, ahead, "Write", order[-1])
        server.analysed()
        (variable,) = server.data_of("/api/v1/variables?name=stock")["variables"]
        assert [one["value"] for one in variable["accesses"]] == order
        assert variable["findings"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"[" * 1_000_000, {}),
        (b'{"events":' + b'[{"a":' * 200_000, {}),
        (b'{"events":[' + b"1," * 65_535 + b"1]}", {}),
        (gzip.compress(b" " * 200_000_000, 1), {"Content-Encoding": "gzip"}),
        (gzip.compress(b'{"events":[]}')[:-5], {"Content-Encoding": "gzip"}),
        (b"\x1f\x8b" + b"\0" * 50, {"Content-Encoding": "gzip"}),
    ],
    ids=["deep", "deep events", "many", "bomb", "cut", "no gzip"],
)
def test_bodies_made_to_harm(shared_server, body, headers):
    before = _memory(shared_server.process.pid)
    answer = requests.post(
        f"{shared_server.url}/events", data=body, timeout=60,
        headers={"Content-Type": "application/json", **headers},
    )  # fmt: skip
    assert answer.status_code in {206, 400, 413}
    assert shared_server.get("/health").status_code == 200
    assert _memory(shared_server.process.pid) - before < 150


def test_more_events_than_a_batch_can_have(shared_server):
    """They are not looked at one by one, which would take a minute in which nobody else is served."""
    answer = requests.post(
        f"{shared_server.url}/events", data=b'{"events":[' + b"1," * 2_000_000 + b"1]}", timeout=60,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 400
    assert "length <= 65536" in answer.text


def test_values_made_to_harm(shared_server):
    """Deep values and huge numbers are kept as they were sent, and break no reader."""
    trace = str(uuid.uuid4())
    deep = json.loads("[" * 900 + "]" * 900)
    many = [access(f"v{n}", "Write", 1, value, trace=trace) for n, value in enumerate(
        [deep, 10**300, -(10**4000), "\0", "\u202e", "<script>alert(1)</script>" * 1000]
    )]  # fmt: skip
    answer = shared_server.post(many)
    assert answer.status_code in {200, 206}, answer.text
    shared_server.analysed()
    for path in (f"/api/traces/{trace}", f"/traces/{trace}", "/api/v1/variables?name=v0"):
        assert shared_server.get(path).status_code == 200
    for n in range(len(many)):
        page = shared_server.get(f"/api/traces/{trace}/audit-trail/v{n}")
        assert page.status_code == 200


def _memory(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))
