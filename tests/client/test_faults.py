"""What becomes of events when the server or the network fails: delivered once, or counted as lost.

Of each fault: how many of the events tracked are delivered, how many are known to be lost, and of
how many nobody knows.
"""

from __future__ import annotations

import json
import logging
import os
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from faulty import (
    CUT_ANSWER,
    CUT_REQUEST,
    GARBAGE,
    HANG,
    PASS,
    REFUSE,
    SLOW,
    SWALLOW,
    Proxy,
)
from wire_server import PATIENCE, Reply, WireServer, free_port, make_client

from raceway.client import RacewayClient
from raceway.config import Config
from raceway.exceptions import UsageError

COUNT = 12
FULL = json.dumps({"success": True, "data": "Ingested 3 events, 1 errors", "error": None})


@pytest.fixture
def proxy(server):
    proxy = Proxy(server.port)
    yield proxy
    proxy.stop()


def track(client, count=COUNT, start=0):
    for number in range(start, start + count):
        client.track_custom(str(number))


def delivered(server):
    return [int(fields["name"]) for _, fields in server.kinds()]


def check(client, server, *, unconfirmed=0, dropped=0, arrived=None):
    """Everything tracked has arrived once and in order, or is counted."""
    stats = client.stats()
    got = delivered(server)
    assert got == sorted(set(got))  # in order, none twice
    assert stats.buffered == 0
    assert stats.accepted == stats.sent + stats.unconfirmed + stats.refused + stats.abandoned
    assert (stats.unconfirmed, stats.dropped) == (unconfirmed, dropped)
    assert len(got) == (stats.sent if arrived is None else arrived)


@pytest.mark.parametrize(
    ("fault", "unconfirmed", "arrived"),
    [
        (REFUSE, 4, 8),  # seen only when the answer is waited for: it may have arrived
        (CUT_REQUEST, 4, 8),
        (SWALLOW, 4, 12),
        (CUT_ANSWER, 4, 12),
        (GARBAGE, 4, 12),
        (SLOW, 0, 12),
        (HANG, 4, 8),
    ],
)
@pytest.mark.parametrize("where", [0, 1, 2], ids=["trial", "first", "later"])
def test_a_broken_connection(server, proxy, fault, unconfirmed, arrived, where):
    proxy.faults.extend([PASS] * where + [fault])
    if where == 0:  # a new connection is tried out with nothing that could get lost
        unconfirmed, arrived = 0, 12
    patience = 1 if fault == HANG else PATIENCE
    config = Config(endpoint=proxy.url, batch_size=4, request_timeout=patience, flush_interval=60)
    client = RacewayClient(config)
    client.start_trace()
    track(client)
    client.flush(PATIENCE)
    client.shutdown()
    assert proxy.met.count(fault) == 1
    if client.stats().unconfirmed == 0 and fault in (REFUSE, CUT_REQUEST):
        # The reset came before the request was written: then it is certain that it did not arrive.
        unconfirmed, arrived = 0, 12
    check(client, server, unconfirmed=unconfirmed, arrived=arrived)


@pytest.mark.parametrize(
    ("replies", "dropped"),
    [
        ([Reply(500)] * 3, 0),
        ([Reply(502)] * 8, 0),
        ([Reply(503, "", {"Retry-After": "0.1"})] * 2, 0),
        ([Reply(429)] * 3, 0),
        ([Reply(500)] * 6, 4),  # a batch that always gets it is given up
        ([Reply(206, FULL)], 0),  # what it did not take is sent again
        ([Reply(413)], 0),
        ([Reply(422, "events[1].kind: unknown variant")], 1),
        ([Reply(422, "?"), Reply(422, "?"), Reply(422, "?")], 1),
        ([Reply(400, "trailing characters")] * 3, 1),
        ([Reply(401)], 4),
        ([Reply(404)], 4),
        ([Reply(301, "", {"Location": "http://127.0.0.1:9/events"})], 4),
        ([Reply(200, "not JSON")], 0),
        ([Reply(200, "")], 0),
        ([Reply(206, "some")], 0),
        ([Reply(429), Reply(503), Reply(0), Reply(206, FULL), Reply(500)], 0),
    ],
    ids=lambda value: (
        " ".join(str(reply.status) for reply in value) if isinstance(value, list) else ""
    ),
)
def test_an_answer_that_is_not_the_usual_one(server, replies, dropped, monkeypatch):
    monkeypatch.setattr("raceway.pipeline.patience._FIRST_DELAY", 0.001)
    client = make_client(server, batch_size=4, max_events_per_second=None)
    client.start_trace()
    track(client)
    # Of what the stub accepted without taking it, the client cannot know.
    made_up = sum(4 for reply in replies if reply.status == 200)
    made_up += sum(3 for reply in replies if reply.body == FULL)
    broken = sum(4 for reply in replies if reply.status == 0 or reply.body == "some")
    server.replies.extend(replies)
    client.flush(PATIENCE)
    client.shutdown()
    stats = client.stats()
    assert (stats.dropped, stats.unconfirmed) == (dropped, broken)
    assert stats.sent == COUNT - dropped - broken
    got = delivered(server)
    assert got == sorted(set(got))
    assert len(got) == COUNT - made_up - dropped - broken
    assert server.most_at_once == 1


def test_chaos(server, proxy, monkeypatch):
    """Resets at every point, storms of 429, 503 and 206: nothing twice, and nothing uncounted."""
    monkeypatch.setattr("raceway.pipeline.patience._FIRST_DELAY", 0.001)
    dice = random.Random(7)
    faults = [REFUSE, CUT_REQUEST, SWALLOW, CUT_ANSWER, GARBAGE, SLOW, PASS, PASS, PASS]
    proxy.faults.extend(dice.choice(faults) for _ in range(60))
    server.replies.extend(
        Reply(dice.choice([429, 503, 500])) if dice.random() < 0.9 else Reply(413)
        for _ in range(20)
    )
    config = Config(
        endpoint=proxy.url, batch_size=5, flush_interval=0.001, max_events_per_second=None
    )
    client = RacewayClient(config)
    ready = threading.Barrier(4)

    def work(me):
        client.start_trace()
        ready.wait()
        for number in range(150):
            client.track_custom(f"{me}", number)
            if number % 30 == 0:
                client.flush(1)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.flush(PATIENCE)
    client.shutdown()
    stats = client.stats()
    ids = [event["id"] for event in server.events]
    assert len(ids) == len(set(ids))
    assert stats.sent <= len(ids) <= stats.sent + stats.unconfirmed
    assert 600 == stats.accepted == stats.sent + stats.unconfirmed + stats.dropped
    for me in range(4):
        mine = [fields["data"] for _, fields in server.kinds() if fields["name"] == str(me)]
        assert mine == sorted(mine)
    assert server.refusals == []


def test_an_outage_in_the_middle_loses_nothing_that_was_not_on_its_way(server, caplog):
    client = make_client(server, batch_size=4)
    client.start_trace()
    track(client)
    assert client.flush(PATIENCE)
    server.stop()
    with caplog.at_level(logging.WARNING, "raceway"):
        track(client, COUNT, COUNT)
        assert client.flush(0.5) is False
        before = client.stats()
        assert (before.buffered, before.dropped) == (COUNT, 0)
        again = WireServer(server.port)
        try:
            assert client.flush(PATIENCE)
            assert delivered(server) + delivered(again) == list(range(2 * COUNT))
        finally:
            client.shutdown()
            again.stop()
    assert len(caplog.records) == 1


def test_a_full_buffer_keeps_what_is_oldest_and_the_releases_of_locks(server):
    server.gate.clear()
    client = make_client(server, max_buffer_bytes=100_000, batch_size=5)
    client.start_trace()
    client.track_lock_acquire("first", "Lock", "a:1")
    for number in range(500):
        client.track_state_change("x", None, number, "a:2", "Write")
    client.track_lock_acquire("late", "Lock", "a:3")
    client.track_lock_release("late", "a:4")
    client.track_lock_release("first", "a:5")
    stats = client.stats()
    assert stats.buffered_bytes <= 100_000
    assert stats.overflowed == stats.dropped > 300
    server.gate.set()
    client.flush(PATIENCE)
    client.shutdown()
    kinds = [(kind, fields.get("lock_id")) for kind, fields in server.kinds()]
    assert kinds[0] == ("LockAcquire", "first")
    assert kinds[-1] == ("LockRelease", "first")
    # The other lock: neither is known to the server, so nobody seems to hold it.
    assert ("LockAcquire", "late") not in kinds
    assert ("LockRelease", "late") not in kinds
    ids = {event["id"] for event in server.events}
    assert {event["parent_id"] for event in server.events} <= ids | {None}


def test_the_rate_follows_what_the_server_takes(server):
    client = make_client(server, batch_size=10, max_events_per_second=800)
    pacer = client._sender._patience.pacer
    client.start_trace()
    server.replies.append(Reply(429, "", {"Retry-After": "0"}))
    track(client, 10)
    assert client.flush(PATIENCE)
    assert 400 <= pacer.rate < 420
    for _ in range(200):
        pacer.accepted(50)
    assert pacer.rate == 800
    client.shutdown()


def test_no_redirect_gets_the_key(server):
    other = WireServer()
    try:
        server.replies.append(Reply(307, "", {"Location": f"{other.url}/events"}))
        client = make_client(server, api_key="s3cret", batch_size=4)
        client.start_trace()
        track(client)
        client.flush(PATIENCE)
        client.shutdown()
        assert other.requests == []
        assert client.stats().refused == 4
    finally:
        other.stop()


def test_variables_for_proxies_do_not_apply(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    client = make_client(server)
    client.start_trace()
    track(client)
    assert client.shutdown()
    check(client, server)


@pytest.fixture
def certificate(tmp_path):
    key, path = tmp_path / "key.pem", tmp_path / "certificate.pem"
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
             "-keyout", str(key), "-out", str(path)],
            check=True, capture_output=True, timeout=PATIENCE,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return key, path


@pytest.mark.parametrize("trusted", [True, False])
def test_tls(server, certificate, monkeypatch, trusted):
    import ssl

    key, path = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    url = server.url.replace("http:", "https:")
    client = RacewayClient(Config(endpoint=url, api_key="s3cret", shutdown_timeout=0.5))
    client.start_trace()
    track(client)
    assert client.shutdown() is trusted
    check(client, server, dropped=0 if trusted else COUNT)
    assert [request["x-raceway-key"] for request in server.requests] == ["s3cret"] * trusted


class Forwarder:
    """An HTTP proxy: it is asked for a whole URL, or for a tunnel."""

    def __init__(self, asks_for=b""):
        self.asked = []
        self._asks_for = asks_for
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = []
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def _listen(self):
        while True:
            connection, _ = self._listener.accept()
            self._open.append(connection)
            if self.asked == ["stop"]:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client):
        try:
            self._forward(client)
        except OSError:  # one end has hung up
            pass

    def _forward(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(65536)
            if not more:
                return
            head += more
        line = head.split(b"\r\n")[0].decode()
        self.asked.append(line)
        method, url, _ = line.split()
        if self._asks_for not in head:
            client.sendall(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            client.shutdown(socket.SHUT_RDWR)
            return
        address = url if method == "CONNECT" else url.split("/")[2]
        host, _, port = address.rpartition(":")
        server = socket.create_connection((host, int(port)))
        self._open.append(server)
        if method == "CONNECT":
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            server.sendall(head.replace(f"http://{address}".encode(), b"", 1))
        back = threading.Thread(target=self._pass_on, args=(server, client, b""))
        self._threads.append(back)
        back.start()
        # What follows on this connection goes to the same server.
        self._pass_on(client, server, b"" if method == "CONNECT" else f"http://{address}".encode())

    def _pass_on(self, source, target, without):
        try:
            while data := source.recv(65536):
                target.sendall(data.replace(without, b"", 1) if without else data)
        except OSError:
            pass

    def stop(self):
        self.asked[:] = ["stop"]
        socket.create_connection(("127.0.0.1", self.port)).close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join()
        for connection in [self._listener, *self._open]:
            connection.close()


@pytest.fixture
def forwarder():
    forwarder = Forwarder(b"Proxy-Authorization: Basic YW5uOnBAc3M=\r\n")
    yield forwarder
    forwarder.stop()


def test_a_proxy(server, forwarder, monkeypatch):
    monkeypatch.setenv("RACEWAY_PROXY", f"http://ann:p%40ss@127.0.0.1:{forwarder.port}")
    config = Config.load(endpoint=server.url, batch_size=4, api_key="s3cret")
    assert "p%40ss" not in repr(config)
    client = RacewayClient(config)
    client.start_trace()
    track(client)
    assert client.shutdown()
    check(client, server)
    assert forwarder.asked == [f"POST {server.url}/events HTTP/1.1"]  # one connection for all
    host = server.url.removeprefix("http://")
    assert {request["host"] for request in server.requests} == {host}


def test_a_proxy_and_tls(server, forwarder, certificate, monkeypatch):
    import ssl

    key, path = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    proxy = f"http://ann:p%40ss@127.0.0.1:{forwarder.port}"
    client = RacewayClient(Config(endpoint=server.url.replace("http:", "https:"), proxy=proxy))
    client.start_trace()
    track(client)
    assert client.shutdown()
    check(client, server)
    assert [line.split()[0] for line in forwarder.asked] == ["CONNECT"]
    assert not any("proxy-authorization" in request for request in server.requests)


@pytest.mark.parametrize("tls", [False, True])
def test_a_proxy_that_lets_nobody_through(server, forwarder, tls):
    endpoint = server.url.replace("http:", "https:") if tls else server.url
    proxy = f"http://127.0.0.1:{forwarder.port}"
    client = RacewayClient(Config(endpoint=endpoint, proxy=proxy, shutdown_timeout=0.5))
    client.start_trace()
    track(client)
    assert not client.shutdown()
    check(client, server, dropped=COUNT)
    assert server.requests == []


@pytest.mark.parametrize(
    "proxy", ["", "proxy:3128", "https://proxy", "http://", "http://a b", "http://a/path", 7]
)
def test_a_proxy_that_cannot_be_used(proxy):
    with pytest.raises(UsageError, match="proxy is not usable"):
        Config(proxy=proxy)


def test_a_hanging_server_costs_a_thread_and_bounded_memory(server):
    server.gate.clear()
    before = len(os.listdir("/proc/self/task"))
    client = make_client(server, max_buffer_bytes=2_000_000)
    client.start_trace()
    for number in range(10_000):
        client.track_state_change("x", None, number, "a:1", "Write")
    server.wait(lambda server: server.trials)
    # The sender's, and one of the server of the tests.
    assert len(os.listdir("/proc/self/task")) <= before + 2
    assert client.stats().buffered_bytes <= 2_000_000
    assert client.stats().overflowed > 7000
    server.gate.set()
    client.shutdown()


STORM = """
import os, sys
from raceway.client import RacewayClient
from raceway.config import Config
client = RacewayClient(Config(endpoint={url!r}, flush_interval=0.01, max_events_per_second=None))
client.start_trace()
def child(depth, name):
    for number in range(5):
        client.track_custom(f"{{name}}:{{number}}")
    if depth:
        pids = []
        for at in range(3):
            pid = os.fork()
            if not pid:
                child(depth - 1, f"{{name}}.{{at}}")
            pids.append(pid)
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0
        for number in range(5, 8):
            client.track_custom(f"{{name}}:{{number}}")
    os._exit(0 if client.flush(15) else 1)
child(3, "0")
"""


def test_a_storm_of_forks(server):
    done = subprocess.run(
        [sys.executable, "-c", STORM.format(url=server.url)],
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    names = [fields["name"] for _, fields in server.kinds()]
    assert len(names) == len(set(names)) == 27 * 5 + 13 * 8
    assert len({event["id"] for event in server.events}) == len(names)
    assert len({event["metadata"]["instance_id"] for event in server.events}) == 40


DAEMON = """
import threading, time
from raceway.client import RacewayClient
from raceway.config import Config
client = RacewayClient(Config(endpoint={url!r}, flush_interval=60))
begun = threading.Event()
def work():
    client.start_trace()
    client.track_custom("first")
    begun.set()
    while True:
        client.track_custom("more")
        time.sleep(0.001)
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
begun.wait()
"""


def test_daemon_threads_that_track_while_the_interpreter_ends(server):
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", DAEMON.format(url=server.url)],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr
    assert time.monotonic() - begun < 15
    assert "first" in [fields["name"] for _, fields in server.kinds()]
    assert server.refusals == []
