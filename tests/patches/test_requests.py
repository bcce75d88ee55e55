"""requests: headers, hops, and what comes before what, against a real server."""

from __future__ import annotations

import threading

import pytest

flask = pytest.importorskip("flask")
requests = pytest.importorskip("requests")
make_server = pytest.importorskip("werkzeug.serving").make_server

from raceway import context  # noqa: E402 - after the optional libraries
from raceway_autopatch.http_calls import without_credentials  # noqa: E402


@pytest.fixture
def server(http_recording, marker):
    """Serve an application in threads; what it does is recorded too."""
    app = flask.Flask("served")

    @app.get("/headers")
    def headers():
        marker("handler")
        return dict(flask.request.headers)

    @app.get("/redirect")
    def redirect():
        marker("redirect")
        return flask.redirect("/headers")

    running = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{running.port}"
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture(autouse=True)
def _no_trace():
    """Leave no trace open for other tests."""
    yield
    while context.end() is not None:
        pass


def outgoing(recording):
    return [op for op in recording.ops if op.name.startswith("HTTP_") and op.subject == 1]


def test_the_call_the_handler_and_the_reply_are_ordered(http_recording, server, marker):
    """The caller before the handler, the handler before what the caller does then."""
    marker("before")
    requests.get(f"{server}/headers", timeout=5)
    marker("after")
    assert http_recording.ordered("before", "handler")
    assert http_recording.ordered("handler", "after")


def test_each_hop_of_a_redirect_is_a_call(http_recording, server, marker):
    """Two pairs of events, a span each, and the first handler before the second."""
    response = requests.get(f"{server}/redirect", timeout=5)
    assert [one.status_code for one in (*response.history, response)] == [302, 200]
    marker("after")
    names = [op.name for op in outgoing(http_recording)]
    assert sorted(names) == ["HTTP_REQUEST"] * 2 + ["HTTP_RESPONSE"] * 2
    spans = [op.argument[2] for op in outgoing(http_recording) if op.name == "HTTP_REQUEST"]
    assert len(set(spans)) == 2
    assert http_recording.ordered("redirect", "handler")
    assert http_recording.ordered("redirect", "after")
    assert http_recording.ordered("handler", "after")


def test_headers_are_added(http_recording, server):
    """The handler gets the trace, the program does not get the header that is ours."""
    response = requests.get(f"{server}/headers", timeout=5)
    seen = response.json()
    assert {"Traceparent", "Raceway-Clock"} <= set(seen)
    assert "raceway-reply" not in response.headers
    parsed = context.parse_headers({name.lower(): value for name, value in seen.items()})
    assert f"-{parsed.span_id}-" in seen["Traceparent"]


def test_calls_of_one_thread_are_one_trace(http_recording, server):
    """Outside of any request a thread has a trace of its own, and each call a span."""
    first = requests.get(f"{server}/headers", timeout=5).json()["Traceparent"].split("-")
    second = requests.get(f"{server}/headers", timeout=5).json()["Traceparent"].split("-")
    assert first[1] == second[1]
    assert first[2] != second[2]


def test_a_header_of_the_program_is_kept(http_recording, server):
    """Its traceparent arrives unchanged, and without our clock."""
    mine = {"traceparent": "00-7c9e6679742540de944be07fc1f90ae7-53995c3f42cd8ad8-00"}
    seen = requests.get(f"{server}/headers", headers=mine, timeout=5).json()
    assert seen["Traceparent"] == mine["traceparent"]
    assert "Raceway-Clock" not in seen
    assert len(outgoing(http_recording)) == 2


def test_a_prepared_request_that_is_sent_twice(http_recording, server):
    """Each sending has a span of its own."""
    with requests.Session() as session:
        prepared = session.prepare_request(requests.Request("GET", f"{server}/headers"))
        first = session.send(prepared).json()["Traceparent"]
        second = session.send(prepared).json()["Traceparent"]
    assert first != second


def test_a_refused_connection(http_recording):
    """The exception is that of requests; a request and its end are recorded, no reply."""
    with pytest.raises(requests.ConnectionError):
        requests.get("http://127.0.0.1:1/", timeout=5)
    assert [op.name for op in outgoing(http_recording)] == ["HTTP_REQUEST", "HTTP_RESPONSE"]
    assert outgoing(http_recording)[1].argument[0] == 0
    assert not any(op.name == "REMOTE_RECEIVE" for op in http_recording.ops)


def test_own_traffic_is_left_alone(http_recording, server, monkeypatch):
    """What Raceway itself sends is neither recorded nor traced."""
    sender = pytest.importorskip("raceway.pipeline.sender")
    monkeypatch.setattr(sender, "is_internal", lambda: True)
    seen = requests.get(f"{server}/headers", timeout=5).json()
    assert "Traceparent" not in seen
    assert outgoing(http_recording) == []


def test_the_body_is_not_touched(http_recording, server):
    """A streamed response is still to be read when it is returned."""
    with requests.get(f"{server}/headers", timeout=5, stream=True) as response:
        assert not response._content_consumed


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://user:secret@host:80/path?token=1#x", "http://host:80/path"),
        ("http://host", "http://host"),
        ("http://host/a@b", "http://host/a@b"),
        ("nothing", "nothing"),
    ],
)
def test_credentials_are_not_recorded(url, kept):
    """Neither user and password nor the query."""
    assert without_credentials(url) == kept
