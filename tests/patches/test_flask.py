"""flask: begin and end of requests, whatever the application does with them."""

from __future__ import annotations

import threading

import pytest

flask = pytest.importorskip("flask")
from werkzeug.middleware.dispatcher import DispatcherMiddleware  # noqa: E402 - comes with flask

from raceway import context  # noqa: E402 - after the optional library

EARLY = flask.Flask("early")


@EARLY.get("/early")
def _early():
    return "early"


def events(recording):
    return [op for op in recording.ops if op.name.startswith("HTTP_")]


@pytest.fixture
def app():
    """An application with one handler of each kind."""
    app = flask.Flask("tested")

    @app.get("/plain")
    def plain():
        return "plain"

    @app.get("/stream")
    def stream():
        return flask.Response(iter(["a", "b"]))

    @app.get("/raise")
    def broken():
        raise LookupError("mine")

    @app.get("/trace")
    def trace():
        return context.current().trace_id

    return app


def get(app, path):
    """Ask and read the answer, as a server would: it is then that the request ends."""
    response = app.test_client().get(path)
    response.get_data()
    response.close()
    return response


def pairs(recording):
    """Return method, url and status of each request, in the order of their ends."""
    begun = {op.argument[2]: op.argument for op in events(recording) if op.name == "HTTP_REQUEST"}
    assert all(op.subject == 0 for op in events(recording))
    return [
        (*begun.pop(op.argument[2])[:2], op.argument[0])
        for op in events(recording)
        if op.name == "HTTP_RESPONSE"
    ]


@pytest.mark.parametrize(("path", "status"), [("/plain", 200), ("/stream", 200), ("/none", 404)])
def test_one_pair_of_events(http_recording, app, path, status):
    """Also where there is no handler."""
    response = get(app, path)
    assert response.status_code == status
    assert "raceway-reply" not in response.headers
    assert pairs(http_recording) == [("GET", path, status)]


def test_a_stream_ends_when_it_is_closed(http_recording, app, marker):
    """The end of the request is the end of its body."""
    response = app.test_client().get("/stream", buffered=False)
    begun = iter(response.response)
    next(begun)
    assert [op.name for op in events(http_recording)] == ["HTTP_REQUEST"]
    response.close()
    assert [op.name for op in events(http_recording)] == ["HTTP_REQUEST", "HTTP_RESPONSE"]
    response.close()
    assert len(events(http_recording)) == 2


@pytest.mark.parametrize("testing", [True, False])
def test_an_exception_of_a_handler(http_recording, app, testing):
    """It propagates where it did, and is an error page where it was; the end is recorded."""
    app.testing = testing
    if testing:
        with pytest.raises(LookupError, match="mine"):
            get(app, "/raise")
    else:
        assert get(app, "/raise").status_code == 500
    assert pairs(http_recording) == [("GET", "/raise", 500)]
    assert context.current() is None


def test_a_request_that_is_answered_before_its_handler(http_recording, app):
    """before_request may answer itself."""
    app.before_request(lambda: ("stop", 418))
    assert get(app, "/plain").status_code == 418
    assert pairs(http_recording) == [("GET", "/plain", 418)]


def test_an_application_from_before_the_patches(http_recording):
    """The class is patched, not the object."""
    assert EARLY.test_client().get("/early").data == b"early"
    assert pairs(http_recording) == [("GET", "/early", 200)]


def test_mounted_applications(http_recording, app):
    """One pair for each request, whichever application answers it."""
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/sub": EARLY})
    client = app.test_client()
    assert client.get("/sub/early").data == b"early"
    assert client.get("/plain").data == b"plain"
    assert pairs(http_recording) == [("GET", "/sub/early", 200), ("GET", "/plain", 200)]


def test_a_replaced_wsgi_app(http_recording, app):
    """Middleware around the application stays where it is, and sees what it saw."""
    inner, seen = app.wsgi_app, []

    def middleware(environ, start_response):
        def start(status, headers, exc_info=None):
            seen.append(status)
            return start_response(status, headers, exc_info)

        return inner(environ, start)

    app.wsgi_app = middleware
    assert app.test_client().get("/plain").data == b"plain"
    assert seen == ["200 OK"]
    assert pairs(http_recording) == [("GET", "/plain", 200)]


def test_the_test_client_is_the_same_actor(http_recording, app, marker):
    """The handler runs synchronously in the caller: no order has to be invented."""
    app.before_request(lambda: marker("handler"))
    app.test_client().get("/plain")
    marker("after")
    assert http_recording.who("handler") == http_recording.who("after")


def test_the_trace_of_the_caller_is_continued_and_closed(http_recording, app):
    """A traceparent gives the trace id; after the request no trace is open."""
    sent = {"traceparent": "00-7c9e6679742540de944be07fc1f90ae7-53995c3f42cd8ad8-01"}
    response = app.test_client().get("/trace", headers=sent)
    assert response.text == "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    assert context.current() is None
    # The caller is not recorded: nobody would ever send what we waited for.
    assert not any(op.name.startswith("REMOTE") for op in http_recording.ops)


def test_a_recorded_caller_gets_a_reply(http_recording, app):
    """With a clock the caller is one of ours: message in, message out, and the header says so."""
    sent = context.format_headers(context.TraceContext(), "caller", "caller-1")
    span = sent["traceparent"].split("-")[2]
    response = app.test_client().get("/plain", headers=sent)
    assert response.headers["raceway-reply"] == span
    remote = [(op.name, op.argument) for op in http_recording.ops if op.name.startswith("REMOTE")]
    assert remote == [("REMOTE_RECEIVE", span), ("REMOTE_SEND", f"{span}:reply")]


@pytest.mark.parametrize("clock", ["", "v1;", "v2;abc", "v1;" + "A" * 9000, "v1;e30"])
def test_bad_headers(http_recording, app, clock):
    """A request is served whatever its headers are."""
    sent = {"traceparent": "00-zz-1-01", "raceway-clock": clock}
    assert app.test_client().get("/plain", headers=sent).status_code == 200


def test_concurrent_requests(http_recording, app):
    """Each thread has its own trace, and each request its own pair."""
    results = []

    def ask():
        results.append(app.test_client().get("/trace").text)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 8
    assert len(pairs(http_recording)) == 8
