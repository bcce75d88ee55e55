"""Delivery: order, batches, and every kind of trouble a server can make."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time

import pytest
from wire_server import PATIENCE, Reply, WireServer, free_port, make_client, ok

from raceway.client import RacewayClient
from raceway.config import Config
from raceway.pipeline import native, outcomes, pacing, patience
from raceway.pipeline.sender import is_internal


@pytest.fixture
def traced(server):
    """Make clients of ``server`` inside a trace; they are shut down at the end."""
    made = []

    def make(**options):
        client = make_client(server, **options)
        client.start_trace()
        made.append(client)
        return client

    yield make
    server.gate.set()
    for client in made:
        client.shutdown()


def track(client, count, start=0):
    for number in range(start, start + count):
        client.track_custom(str(number))


def names(server):
    return [fields["name"] for _, fields in server.kinds()]


def test_request(server, traced):
    server.api_key = "k3y"
    client = traced(api_key="k3y")
    client.track_custom("x")
    assert client.flush()
    [request] = server.requests
    assert request["content-type"] == "application/json"
    assert request["x-raceway-internal"] == "true"
    assert request["authorization"] == "Bearer k3y"
    assert request["x-raceway-key"] == "k3y"
    assert request["host"] == f"127.0.0.1:{server.port}"


def test_batches_by_count_in_order_one_at_a_time(server, traced):
    client = traced(batch_size=7)
    track(client, 100)
    assert client.flush()
    assert names(server) == [str(number) for number in range(100)]
    assert max(map(len, server.batches)) == 7
    assert server.most_at_once == 1
    assert server.connections == 1
    stats = client.stats()
    assert (stats.accepted, stats.sent, stats.dropped, stats.buffered) == (100, 100, 0, 0)


def test_a_full_batch_does_not_wait_for_the_interval(server, traced):
    client = traced(batch_size=5)
    track(client, 5)
    server.wait_events(5)


def test_the_interval_sends_a_batch_that_is_not_full(server, traced):
    client = traced(flush_interval=0.01)
    track(client, 1)
    server.wait_events(1)


def test_the_end_of_a_trace_sends_at_once(server, traced):
    client = traced()
    track(client, 1)
    client.end_trace()
    server.wait_events(1)


def test_batches_by_bytes(server, traced):
    client = traced(batch_size=10_000, max_batch_bytes=20_000)
    for _ in range(40):
        client.track_custom("x", "y" * 3000)
    assert client.flush()
    assert max(map(len, server.bodies)) <= 20_000 + 100
    assert len(server.events) == 40


def test_threads_send_in_order_of_each(server, traced):
    client = traced(batch_size=10, max_events_per_second=None)

    def work(me):
        client.start_trace()
        for number in range(200):
            client.track_custom(f"{me}", number)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush()
    for me in range(4):
        mine = [fields["data"] for _, fields in server.kinds() if fields["name"] == str(me)]
        assert mine == list(range(200))
    assert server.most_at_once == 1
    assert len({event["id"] for event in server.events}) == 800


def test_a_server_that_comes_up_later_gets_everything_in_order(caplog):
    port = free_port()
    client = RacewayClient(Config(endpoint=f"http://127.0.0.1:{port}", batch_size=2))
    client.start_trace()
    with caplog.at_level(logging.WARNING, "raceway"):
        track(client, 5)
        deadline = time.monotonic() + PATIENCE
        while client.stats().requests < 2:
            assert time.monotonic() < deadline
            client.flush(0.05)
        server = WireServer(port)
        try:
            assert client.flush(PATIENCE)
            assert names(server) == ["0", "1", "2", "3", "4"]
        finally:
            client.shutdown()
            server.stop()
    [record] = caplog.records
    assert "not reachable" in record.getMessage()
    assert client.stats().dropped == 0
    assert client.stats().retries > 0


def test_a_server_that_is_restarted_between_batches_gets_everything(server):
    client = make_client(server)
    client.start_trace()
    track(client, 1)
    assert client.flush()
    server.stop()
    again = WireServer(server.port)
    try:
        track(client, 1, 1)
        assert client.flush(PATIENCE)
        assert names(server) + names(again) == ["0", "1"]
    finally:
        client.shutdown()
        again.stop()


def test_calls_do_not_wait_for_a_server_that_hangs(server, traced):
    server.gate.clear()
    client = traced(batch_size=1)
    track(client, 1)
    server.wait(lambda server: server.trials)
    track(client, 500)  # returns although the first request is not answered
    assert not client.flush(0.01)
    assert client.stats().buffered == 501
    server.gate.set()
    assert client.flush(PATIENCE)
    assert len(server.events) == 501


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_an_error_answer_is_repeated(server, traced, status):
    server.replies.extend([Reply(status, "oops"), Reply(status, "oops")])
    client = traced()
    track(client, 3)
    assert client.flush(PATIENCE)
    assert names(server) == ["0", "1", "2"]
    assert client.stats().retries == 2


def test_retry_after_is_honoured(server, traced):
    server.replies.append(Reply(429, "", {"Retry-After": "0.3"}))
    client = traced()
    begun = time.monotonic()
    track(client, 1)
    assert client.flush(PATIENCE)
    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize("asked", ["0", "nan", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"])
def test_retry_after_that_asks_for_nothing_makes_no_storm_of_requests(server, traced, asked):
    server.replies.extend([Reply(503, "", {"Retry-After": asked})] * 3)
    client = traced()
    begun = time.monotonic()
    track(client, 1)
    assert client.shutdown(PATIENCE)
    assert 0.1 <= time.monotonic() - begun < PATIENCE
    assert client.stats().sent == 1


def test_retry_after_does_not_hold_up_shutdown(server):
    server.replies.append(Reply(503, "", {"Retry-After": "1000"}))
    client = make_client(server)
    client.start_trace()
    track(client, 1)
    begun = time.monotonic()
    assert client.shutdown(timeout=0.2) is False
    assert time.monotonic() - begun < 2
    assert client.stats().dropped == 1


def test_a_batch_that_always_fails_is_given_up(server, traced, monkeypatch):
    monkeypatch.setattr(patience, "_FIRST_DELAY", 0.001)
    server.replies.extend([Reply(500)] * outcomes.SERVER_ERRORS)
    client = traced(batch_size=1)
    track(client, 2)
    assert client.flush(PATIENCE) is False
    assert names(server) == ["1"]
    assert client.stats().dropped == 1


@pytest.mark.parametrize("names_index", [True, False])
def test_one_refused_event_does_not_take_its_batch_along(server, traced, names_index, caplog):
    server.poison, server.names_index = '"name": "3"', names_index
    client = traced()
    track(client, 10)
    with caplog.at_level(logging.WARNING, "raceway"):
        client.flush(PATIENCE)
        client.shutdown()
    assert names(server) == [str(number) for number in range(10) if number != 3]
    assert (client.stats().sent, client.stats().dropped) == (9, 1)
    assert "422" in caplog.records[0].getMessage()


def test_a_batch_of_refused_events_ends(server, traced):
    server.poison = "svc"
    client = traced()
    track(client, 20)
    client.flush(PATIENCE)
    assert client.stats().dropped == 20
    server.replies.append(Reply(422, "events[999].kind"))
    server.poison = None
    track(client, 2)
    assert client.flush(PATIENCE)
    assert names(server) == ["0", "1"]


def test_a_body_that_is_too_large_is_split_and_the_limit_remembered(server, traced):
    server.max_body = 5000
    client = traced(batch_size=100)
    track(client, 40)
    assert client.flush(PATIENCE)
    assert names(server) == [str(number) for number in range(40)]
    refused = len(server.refusals)
    track(client, 40, 40)
    assert client.flush(PATIENCE)
    assert len(server.refusals) <= refused + 1
    client.track_custom("x", "y" * 6000)
    client.flush(PATIENCE)
    assert client.stats().dropped == 1


def test_what_a_full_queue_did_not_take_is_sent_again(server, traced):
    text = json.dumps({"success": True, "data": "Ingested 3 events, 2 errors", "error": None})
    server.replies.append(Reply(206, text))
    client = traced()
    track(client, 5)
    assert client.flush(PATIENCE)
    assert (client.stats().sent, client.stats().dropped) == (5, 0)
    assert names(server) == ["3", "4"]  # the stub has said that it took the others


def test_a_queue_that_stays_full_does_not_hold_up_everything_for_ever(server, traced, monkeypatch):
    monkeypatch.setattr(patience, "_FIRST_DELAY", 0.0001)
    monkeypatch.setattr(outcomes, "STANDSTILLS", 4)
    text = json.dumps({"success": True, "data": "Ingested 0 events, 2 errors", "error": None})
    server.replies.extend([Reply(206, text)] * 4)
    client = traced(batch_size=2, max_events_per_second=None)
    track(client, 3)
    assert client.flush(PATIENCE) is False
    assert names(server) == ["2"]
    assert client.stats().refused == 2


def test_a_batch_that_may_have_arrived_is_not_sent_again(server, traced):
    server.replies.append(Reply(0))
    client = traced()
    track(client, 2)
    assert client.flush(PATIENCE) is False
    assert client.stats().unconfirmed == 2
    track(client, 1, 2)
    assert client.flush(PATIENCE)
    assert names(server) == ["2"]


def test_no_answer_in_time_is_not_sent_again_either(server, traced):
    client = traced(request_timeout=0.3)
    track(client, 1)
    assert client.flush(PATIENCE)
    server.gate.clear()
    track(client, 1, 1)
    assert client.flush(PATIENCE) is False
    assert client.stats().unconfirmed == 1
    # Afterwards it is tried out first: nothing more gets lost.
    track(client, 1, 2)
    assert client.flush(0.5) is False
    server.gate.set()
    assert client.flush(PATIENCE)
    server.wait_events(3)  # the one that got no answer in time is handled beside the others
    assert sorted(names(server)) == ["0", "1", "2"]
    assert client.stats().unconfirmed == 1


def test_an_answer_that_comes_in_drops_is_not_waited_for_for_ever(traced):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = RacewayClient(Config(endpoint=url, request_timeout=0.3, shutdown_timeout=0.1))
        client.start_trace()
        track(client, 1)
        client.end_trace()
        connection, _ = listener.accept()
        connection.recv(65536)
        begun = time.monotonic()
        with pytest.raises(OSError), connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while time.monotonic() - begun < PATIENCE:
                connection.sendall(b"X")
                time.sleep(0.05)
        assert time.monotonic() - begun < 5
        client.shutdown()


def test_a_server_that_knows_events_again_gets_them_again(server, traced):
    client = traced(dialect="full")
    track(client, 1)
    assert client.flush()
    server.replies.append(Reply(0))
    track(client, 1, 1)
    assert client.flush(PATIENCE)
    assert names(server) == ["0", "1"]
    assert (client.stats().unconfirmed, client.stats().retries) == (0, 1)


def test_what_is_on_its_way_when_time_is_up_may_have_arrived(server):
    client = make_client(server, batch_size=2, shutdown_timeout=0.3)
    client.start_trace()
    track(client, 2)
    assert client.flush()
    server.gate.clear()
    track(client, 5, 2)
    server.wait(lambda server: len(server.requests) == 2)
    assert client.shutdown() is False
    stats = client.stats()
    assert (stats.sent, stats.unconfirmed, stats.abandoned, stats.buffered) == (2, 2, 3, 0)
    server.gate.set()


def test_children_of_a_refused_event_move_up(server, traced):
    server.poison = '"name": "1"'
    client = traced()
    track(client, 4)
    client.flush(PATIENCE)
    track(client, 1, 4)
    client.flush(PATIENCE)
    first, *others = server.events
    assert [event["parent_id"] for event in others] == [
        first["id"], *(event["id"] for event in others[:-1])
    ]  # fmt: skip


@pytest.mark.parametrize("status", [301, 401, 404, 415])
def test_other_refusals_are_counted_and_warned_of_once(server, traced, status, caplog):
    server.replies.extend([Reply(status, "no")] * 3)
    client = traced(batch_size=1)
    with caplog.at_level(logging.WARNING, "raceway"):
        track(client, 3)
        client.flush(PATIENCE)
    assert client.stats().dropped == 3
    [record] = caplog.records
    assert str(status) in record.getMessage()


def test_the_buffer_is_bounded_and_the_loss_counted(server, traced, caplog):
    server.gate.clear()
    client = traced(max_buffer_bytes=20_000, batch_size=5)
    track(client, 200)
    stats = client.stats()
    assert stats.buffered_bytes <= 20_000
    assert stats.dropped == 200 - stats.accepted > 0
    server.gate.set()
    client.flush(PATIENCE)
    assert names(server) == [str(number) for number in range(stats.accepted)]
    # Nothing hangs under an event that was dropped.
    ids = {event["id"] for event in server.events}
    assert {event["parent_id"] for event in server.events} <= ids | {None}


def test_delivery_is_paced(server, traced, monkeypatch):
    monkeypatch.setattr(pacing, "BURST", 10)
    client = traced(batch_size=10, max_events_per_second=50)
    begun = time.monotonic()
    track(client, 20)
    assert client.flush(PATIENCE)
    assert time.monotonic() - begun > 0.1


def test_nothing_listens(capfd):
    client = RacewayClient(Config(endpoint=f"http://127.0.0.1:{free_port()}"))
    client.start_trace()
    begun = time.monotonic()
    track(client, 1000)
    assert time.monotonic() - begun < 2
    assert client.flush(0.05) is False
    begun = time.monotonic()
    assert client.shutdown() is False
    assert time.monotonic() - begun < 4
    assert client.stats().dropped == 1000
    assert capfd.readouterr().out == ""


def test_a_server_that_accepts_and_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = RacewayClient(Config(endpoint=url, shutdown_timeout=0.3))
        client.start_trace()
        track(client, 3)
        begun = time.monotonic()
        assert client.shutdown() is False
        assert time.monotonic() - begun < 2
        assert client.stats().dropped == 3


def test_a_server_that_speaks_another_protocol():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = RacewayClient(Config(endpoint=url))
        client.start_trace()
        track(client, 1)
        client.end_trace()
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH\r\n")
        assert client.flush(0.2) is False
        assert client.stats().unconfirmed == 0
        client.shutdown()


def test_shutdown_flushes_and_is_idempotent(server):
    with make_client(server) as client:
        client.start_trace()
        track(client, 3)
        client.end_trace()
    assert len(server.events) == 3
    assert client.shutdown() is True
    client.start_trace()
    track(client, 1)
    assert client.flush() is True
    assert client.stats().dropped == 1
    assert len(server.events) == 3


def test_an_exception_passes_through_the_with_block(server):
    with pytest.raises(LookupError), make_client(server) as client:
        client.start_trace()
        track(client, 1)
        raise LookupError
    assert len(server.events) == 1


def test_no_thread_can_be_started(server, monkeypatch):
    def refuse(*args):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(native, "start_new_thread", refuse)
    client = make_client(server)
    client.start_trace()
    track(client, 3)
    assert client.flush(0.1) is False
    assert client.shutdown() is True
    assert len(server.events) == 3
    assert not is_internal()


def test_patched_thread_primitives_are_not_used(server, traced, monkeypatch):
    client = traced()
    used = []
    for name in ("Thread", "Lock", "RLock", "Event", "Condition"):
        original = getattr(threading, name)

        def spy(*args, name=name, original=original, **more):
            used.append((name, is_internal()))
            return original(*args, **more)

        monkeypatch.setattr(threading, name, spy)
    track(client, 1)
    assert client.flush(PATIENCE)
    assert [name for name, internal in used if internal] == []


def test_is_internal_during_delivery(server, traced):
    client = traced()
    seen = []
    transport = client._sender._transport
    post = transport.post
    transport.post = lambda *args: (seen.append(is_internal()), post(*args))[1]
    before = threading.active_count()
    track(client, 1)
    own = threading.active_count() - before
    assert client.flush(PATIENCE)
    assert seen == [True]
    assert own == 0
    assert not is_internal()


def test_a_finaliser_that_tracks_while_the_buffer_is_locked(server, traced):
    client = traced()
    with client._sender._buffer.lock:
        track(client, 1)
    assert client.flush()


def test_request_never_sends_the_key_and_works_without_a_trace(server):
    other = WireServer()
    try:
        other.replies.extend([Reply(200, ok(0))] * 3)
        client = make_client(server, api_key="s3cret")
        assert client.request("POST", f"{other.url}/debit", json={"a": 1}).status_code == 200
        client.start_trace()
        client.request("POST", f"{other.url}/debit", json={"a": 1}, headers={"x-mine": "1"})
        own = {"Traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}
        client.request("POST", f"{other.url}/debit", data=b"", headers=own)
        client.shutdown()
        bare, traced, given = other.requests
        assert "s3cret" not in str(other.requests)
        assert "traceparent" not in bare
        assert {"traceparent", "raceway-clock", "x-mine"} <= set(traced)
        assert given["traceparent"] == own["Traceparent"]
        assert "raceway-clock" not in given
    finally:
        other.stop()


def test_a_cookie_of_one_request_is_not_for_the_next(server):
    client = make_client(server)
    server.replies.append(Reply(200, ok(0), {"Set-Cookie": "session=of-ann; Path=/"}))
    server.replies.extend([Reply(200, ok(0))] * 2)
    client.request("POST", f"{server.url}/login", data=b"x")
    client.request("POST", f"{server.url}/debit", data=b"x")
    client.request("POST", f"{server.url}/debit", data=b"x", cookies={"mine": "1"})
    assert [request.get("cookie") for request in server.requests] == [None, None, "mine=1"]
    client.shutdown()


def test_debug_logs_to_stderr_only(server, capfd):
    logger = logging.getLogger("raceway")
    handlers, level = list(logger.handlers), logger.level
    try:
        with make_client(server, debug=True) as client:
            client.start_trace()
            track(client, 1)
        assert logger.level == logging.DEBUG
        assert capfd.readouterr().out == ""
    finally:
        logger.handlers[:] = handlers
        logger.setLevel(level)
