"""Events on the disk: what finds no room in memory, and what the end of a process overtakes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from wire_server import PATIENCE, WireServer, free_port, make_client

from raceway.client import RacewayClient
from raceway.config import Config
from raceway.pipeline.spool import Spool

ROOT = Path(__file__).parents[2]


def track(client, count, start=0):
    for number in range(start, start + count):
        client.track_custom(str(number))


def delivered(server):
    return [int(fields["name"]) for _, fields in server.kinds()]


def files(folder):
    return sorted(path.name for path in folder.rglob("*.events"))


def test_an_outage_longer_than_memory_loses_nothing(tmp_path):
    port = free_port()
    client = RacewayClient(
        Config(
            endpoint=f"http://127.0.0.1:{port}",
            max_buffer_bytes=200_000,
            spool=str(tmp_path),
            batch_size=20,
            max_events_per_second=None,
        )
    )
    client.start_trace()
    for start in range(0, 2000, 50):  # some ten times as much as finds room
        track(client, 50, start)
        deadline = time.monotonic() + PATIENCE
        while client.stats().buffered_bytes > 120_000:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    stats = client.stats()
    assert (stats.dropped, stats.buffered) == (0, 2000)
    assert stats.spooled > 1500
    assert stats.buffered_bytes <= 200_000
    server = WireServer(port)
    try:
        assert client.flush(PATIENCE)
        assert delivered(server) == list(range(2000))
        assert client.shutdown()
    finally:
        server.stop()
    assert files(tmp_path) == []
    assert os.listdir(tmp_path) == []


def test_what_is_left_at_the_end_is_sent_by_the_next_one_in_order(server, tmp_path):
    def make(url, **more):
        return RacewayClient(
            Config(endpoint=url, spool=str(tmp_path), shutdown_timeout=0.2, **more)
        )

    nobody = f"http://127.0.0.1:{free_port()}"
    first = make(nobody, batch_size=5)
    first.start_trace()
    track(first, 12)
    assert first.shutdown() is True  # nothing is lost
    stats = first.stats()
    assert (stats.dropped, stats.unconfirmed, stats.spooled, stats.buffered) == (0, 0, 12, 12)
    second = make(nobody)
    track(second, 3, 12)
    assert second.shutdown()
    first.end_trace()
    third = make(server.url)
    third.start_trace()
    track(third, 1, 15)
    assert third.flush(PATIENCE)
    assert delivered(server) == list(range(16))
    assert third.stats().accepted == third.stats().sent == 16
    third.shutdown()
    assert os.listdir(tmp_path) == []


def test_what_may_have_arrived_is_not_put_on_the_disk(server, tmp_path):
    client = make_client(server, spool=str(tmp_path), batch_size=2, shutdown_timeout=0.2)
    client.start_trace()
    track(client, 2)
    assert client.flush()
    server.gate.clear()
    track(client, 5, 2)
    server.wait(lambda server: len(server.requests) == 2)
    client.shutdown()
    stats = client.stats()
    assert (stats.sent, stats.unconfirmed, stats.spooled, stats.dropped) == (2, 2, 3, 0)
    server.gate.set()


PROGRAM = """
import os, sys
from raceway.client import RacewayClient
from raceway.config import Config
client = RacewayClient(Config(endpoint={url!r}, spool={spool!r}, shutdown_timeout=0.3))
client.start_trace()
client.track_custom("1")
client.flush(0.2)
pid = os.fork()
client.track_custom("2" if pid else "3")
if pid:
    os.waitpid(pid, 0)
"""


def test_processes_leave_what_they_have_and_nothing_twice(server, tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM.format(url=url, spool=str(tmp_path))],
        capture_output=True, text=True, timeout=2 * PATIENCE, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert "events waiting" in done.stderr
    client = make_client(server, spool=str(tmp_path))
    client.start_trace()
    track(client, 1, 4)
    assert client.flush(PATIENCE)
    assert sorted(delivered(server)) == [1, 2, 3, 4]
    client.shutdown()
    assert os.listdir(tmp_path) == []


EXECUTES = """
import os, sys
from raceway.client import RacewayClient
from raceway.config import Config
client = RacewayClient(Config(endpoint={url!r}, spool={spool!r}, batch_size=5))
client.start_trace()
for number in range(12):
    client.track_custom(str(number))
print("ready", flush=True)
try:
    os.execv({program!r}, ["true"])
except FileNotFoundError:
    print(client.stats().spooled, flush=True)
    sys.stdin.read()  # until there is a server
    client.track_custom("12")
"""


@pytest.mark.parametrize("under", [(), ("-m", "raceway_autopatch.launcher", "-q", sys.executable)])
@pytest.mark.parametrize("program", [sys.executable, "/nowhere"])
@pytest.mark.parametrize("server_is", ["away", "hanging"])
def test_what_exec_overtakes_is_on_the_disk_and_only_then(
    server, tmp_path, under, program, server_is
):
    port = free_port()
    server.gate.clear()
    text = EXECUTES.format(
        url=server.url if server_is == "hanging" else f"http://127.0.0.1:{port}",
        spool=str(tmp_path), program=program,
    ).replace('["true"]', '["python", "-c", "pass"]')  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, *under, "-c", text], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    later = None
    if program == "/nowhere":
        assert process.stdout.readline() == "0\n"
        assert files(tmp_path) == []
        server.gate.set()
        later = WireServer(port)
    process.communicate(timeout=3 * PATIENCE)
    assert process.returncode == 0
    server.gate.set()
    if program != "/nowhere":
        assert len(files(tmp_path)) > 0
        client = RacewayClient(Config(endpoint=server.url, spool=str(tmp_path)))
        client.start_trace()
        client.track_custom("12")
        assert client.shutdown()
    at = later if later and server_is == "away" else server
    assert delivered(at) == list(range(13))
    assert os.listdir(tmp_path) == []
    if later:
        later.stop()


def test_the_folder_of_a_living_process_is_left_alone(tmp_path):
    living = Spool(str(tmp_path), 10**6)
    assert living.write([b"{}"] * 3) == 3
    other = Spool(str(tmp_path), 10**6)
    assert other.adopt() == 0
    other.close()
    assert living.read() == [b"{}"] * 3
    living.write([b"{}"])
    living.forget()
    assert other.adopt() == 1
    assert other.read() == [b"{}"]


def test_what_is_older_comes_first_and_the_limit_holds(tmp_path):
    spool = Spool(str(tmp_path), 10)
    assert spool.write([b"{2}", b"{3}"]) == 2
    assert spool.write([b"{4}"]) == 0
    assert "full" in spool.problem
    assert spool.write([b"{1}"], oldest=True) == 1
    assert spool.read() == [b"{1}"]
    assert spool.read() == [b"{2}", b"{3}"]
    assert (spool.read(), spool.count, spool.bytes) == ([], 0, 0)


def test_files_are_for_their_owner_only(tmp_path):
    folder = tmp_path / "spool"
    Spool(str(folder), 100).write([b"{}"])
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0


def test_a_damaged_segment_is_counted(tmp_path):
    spool = Spool(str(tmp_path), 1000)
    spool.write([b"{1}", b"{2}"])
    [path] = tmp_path.rglob("*.events")
    path.write_bytes(b"{1}\n{2")
    assert spool.read() == [b"{1}"]
    assert spool.missing == 1


@pytest.mark.parametrize("broken", ["a file", "nowhere"])
def test_a_folder_that_cannot_be_used_costs_only_the_spool(tmp_path, broken, caplog):
    path = tmp_path / "file"
    path.write_text("")
    spool = str(path if broken == "a file" else path / "below")
    url = f"http://127.0.0.1:{free_port()}"
    client = RacewayClient(
        Config(endpoint=url, spool=spool, max_buffer_bytes=100_000, shutdown_timeout=0.1)
    )
    client.start_trace()
    track(client, 500)
    client.flush(0.3)
    stats = client.stats()
    assert stats.buffered == stats.accepted > 80  # in memory, as without a spool
    assert stats.overflowed == 500 - stats.accepted
    client.shutdown()
    assert client.stats().abandoned == stats.accepted
    assert "spool cannot be written" in caplog.text
