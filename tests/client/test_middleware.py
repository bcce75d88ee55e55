"""The middlewares, with the real frameworks."""

from __future__ import annotations

import asyncio
import contextvars

import fastapi
import flask
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from test_context import HEADERS, TRACE
from wire_server import make_client

from raceway import context, track_function
from raceway.middleware import FastAPIMiddleware, RacewayMiddleware, flask_middleware


@pytest.fixture
def client(server):
    client = make_client(server)
    yield client
    client.shutdown()
    assert server.refusals == []


def make_flask(client, *, before=True, after=True):
    app = flask.Flask("shop")
    middleware = flask_middleware(client)

    if before:

        @app.before_request
        def init_raceway():
            middleware.before_request()

    if after:

        @app.after_request
        def finish_raceway(response):
            return middleware.after_request(response)

    @app.route("/transfer", methods=["POST"])
    def transfer():
        client.track_state_change("alice.balance", None, 100, "Read")
        return {"success": True, "trace": bool(context.current())}

    @app.route("/boom")
    def boom():
        client.start_trace()  # never ended
        raise LookupError("boom")

    return app


def names(events):
    return [next(iter(event["kind"])) for event in events]


def test_flask_request_is_one_trace(client, server):
    app = make_flask(client)
    answer = app.test_client().post("/transfer", headers={**HEADERS, "Cookie": "id=s3cret"})
    assert answer.json == {"success": True, "trace": True}
    assert context.current() is None
    client.flush()
    events = server.events
    assert names(events) == ["HttpRequest", "StateChange", "HttpResponse"]
    assert {event["trace_id"] for event in events} == {TRACE}
    request, response = events[0]["kind"]["HttpRequest"], events[2]["kind"]["HttpResponse"]
    assert (request["method"], request["url"]) == ("POST", "/transfer")
    assert response["status"] == 200
    assert [events[i]["metadata"]["tags"]["http.direction"] for i in (0, 2)] == ["in", "in"]
    assert events[0]["metadata"]["distributed_span_id"] == "53995c3f42cd8ad8"
    assert events[1]["parent_id"] == events[0]["id"]
    assert "s3cret" not in str(events)


def test_flask_requests_without_headers_have_traces_of_their_own(client, server):
    browser = make_flask(client).test_client()
    browser.post("/transfer")
    browser.post("/transfer")
    client.flush()
    assert len({event["trace_id"] for event in server.events}) == 2


def test_flask_malformed_headers_do_not_fail_the_request(client):
    browser = make_flask(client).test_client()
    for header in ("v1;" + "W" * 1000, "v1;bnVsbA", "garbage"):
        headers = {"traceparent": "00-x", "raceway-clock": header}
        assert browser.post("/transfer", headers=headers).status_code == 200


def test_flask_handler_that_raises(client, server):
    app = make_flask(client)
    assert app.test_client().get("/boom").status_code == 500
    assert context.current() is None
    app.testing = True  # the exception reaches the server: after_request is not called
    with pytest.raises(LookupError):
        app.test_client().get("/boom")
    assert context.current() is None
    client.flush()
    assert names(server.events) == [
        "HttpRequest",
        "Error",
        "HttpResponse",
        "HttpRequest",
        "Error",
        "HttpResponse",
    ]
    statuses = [fields["status"] for kind, fields in server.kinds() if kind == "HttpResponse"]
    assert statuses == [500, 500]
    messages = [fields["message"] for kind, fields in server.kinds() if kind == "Error"]
    assert messages == ["boom", "boom"]


def test_flask_handler_whose_exception_is_handled(client, server):
    app = make_flask(client)
    app.register_error_handler(LookupError, lambda error: ("gone", 410))
    assert app.test_client().get("/boom").status_code == 410
    client.flush()
    assert names(server.events) == ["HttpRequest", "HttpResponse"]


@pytest.mark.parametrize("with_context", [True, False])
def test_flask_response_that_is_made_while_it_is_sent(client, server, with_context):
    app = make_flask(client)
    closed = []

    def parts(most):
        try:
            for number in range(most):
                client.track_custom(f"part {number}")
                yield f"{number}"
            if most > 2:
                raise LookupError("boom")
        finally:
            closed.append(context.current() is not None)

    @app.route("/stream/<int:most>")
    def stream(most):
        client.track_custom("handler")
        made = parts(most)
        return flask.Response(flask.stream_with_context(made) if with_context else made)

    with app.test_client() as web:
        answer = web.get("/stream/2", headers=HEADERS)
        assert context.current() is None
        assert answer.data == b"01"
        answer.close()
        broken = web.get("/stream/3", headers=HEADERS)
        with pytest.raises(LookupError):
            broken.get_data()
        broken.close()
        web.get("/stream/9", headers=HEADERS, buffered=False).close()
        web.head("/stream/1", headers=HEADERS).close()
        assert context.current() is None
    client.flush()
    told = [label(event) for event in server.events]
    whole = ["HttpRequest", "handler", "HttpResponse", "part 0", "part 1"]
    assert told[:5] == whole
    assert told[5:12] == [*whole, "part 2", "LookupError"]
    assert told.count("HttpRequest") == told.count("HttpResponse") == 4
    assert {event["trace_id"] for event in server.events} == {TRACE}
    assert [event["parent_id"] for event in server.events].count(None) == 4
    assert all(closed[:2])


def test_flask_file_is_not_touched(client, server):
    app = make_flask(client)
    app.add_url_rule("/file", view_func=lambda: flask.send_file(__file__))
    with app.test_client() as web, open(__file__, "rb") as file:
        answer = web.get("/file")
        assert answer.data == file.read()
        answer.close()
    client.flush()
    assert names(server.events) == ["HttpRequest", "HttpResponse"]


def test_flask_hooks_work_alone(client, server):
    assert make_flask(client, before=False).test_client().post("/transfer").json["trace"] is False
    assert make_flask(client, after=False).test_client().post("/transfer").json["trace"] is True
    assert context.current() is None
    client.flush()
    assert names(server.events) == ["HttpRequest", "StateChange", "HttpResponse"]


def test_flask_init_app_and_internal_requests(client, server):
    app = flask.Flask("shop")
    flask_middleware(client).init_app(app)
    app.add_url_rule("/", view_func=lambda: "ok")
    assert app.test_client().get("/", headers={"X-Raceway-Internal": "true"}).text == "ok"
    assert app.test_client().get("/").text == "ok"
    client.flush()
    assert names(server.events) == ["HttpRequest", "HttpResponse"]


def get(app, path, headers=()):
    """Serve one request the way an ASGI server does and return the status."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in dict(headers).items()],
        "server": ("test", 80),
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    async def serve():
        try:
            await app(scope, receive, send)
        except LookupError:
            pass
        assert context.current() is None

    asyncio.run(serve())
    return sent[0]["status"]


def make_starlette(client):
    async def read(request):
        client.track_state_change("x", None, 1, "Read")
        await asyncio.sleep(0)
        return PlainTextResponse("ok", status_code=201)

    def sync(request):
        client.track_state_change("x", None, 1, "Read")
        return PlainTextResponse("ok")

    async def boom(request):
        raise LookupError("boom")

    app = Starlette(routes=[Route("/read", read), Route("/sync", sync), Route("/boom", boom)])
    app.add_middleware(FastAPIMiddleware, client=client)
    return app


@pytest.mark.parametrize(("path", "status"), [("/read", 201), ("/sync", 200)])
def test_starlette_request_is_one_trace(client, server, path, status):
    assert get(make_starlette(client), path, HEADERS) == status
    client.flush()
    events = server.events
    assert names(events) == ["HttpRequest", "StateChange", "HttpResponse"]
    assert {event["trace_id"] for event in events} == {TRACE}
    assert events[1]["parent_id"] == events[0]["id"]
    assert events[2]["kind"]["HttpResponse"]["status"] == status


def test_starlette_handler_that_raises(client, server):
    assert get(make_starlette(client), "/boom") == 500
    client.flush()
    assert names(server.events) == ["HttpRequest", "Error", "HttpResponse"]
    assert server.events[1]["kind"]["Error"]["message"] == "boom"


def test_asgi_leaves_other_connections_alone_and_restores_the_context(client, server):
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["type"], context.current() is not None))
        client.start_trace()

    async def main():
        middleware = RacewayMiddleware(app, client=client)
        await middleware({"type": "http", "headers": [(b"\xff", b"\xff")]}, None, None)
        assert context.current() is None
        await middleware({"type": "http"}, None, None)
        assert context.current() is None
        internal = {"type": "http", "headers": [(b"X-Raceway-Internal", b"true")]}
        await middleware(internal, None, None)
        for kind in ("websocket", "lifespan"):
            context.end()
            await middleware({"type": kind, "headers": []}, None, None)

    asyncio.run(main())
    assert seen == [
        ("http", True),
        ("http", True),
        ("http", False),
        ("websocket", False),
        ("lifespan", False),
    ]


def make_fastapi(client):
    """One with everything that goes on beside a handler."""
    app, mounted = fastapi.FastAPI(), fastapi.FastAPI()

    @track_function(client, name="session")
    async def session():
        try:
            yield "session"
        finally:
            client.track_custom("session closed")

    @app.get("/background")
    async def background(tasks: fastapi.BackgroundTasks):
        tasks.add_task(client.track_custom, "background")
        return {}

    @app.get("/broken-background")
    async def broken_background(tasks: fastapi.BackgroundTasks):
        tasks.add_task(int, "x")
        return {}

    @app.get("/stream")
    async def stream():
        async def parts():
            for number in range(2):
                client.track_custom(f"part {number}")
                yield b"x"

        return StreamingResponse(parts())

    @app.get("/broken-stream")
    async def broken_stream():
        async def parts():
            yield b"x"
            raise LookupError("boom")

        return StreamingResponse(parts(), status_code=202)

    @app.get("/dependency")
    async def dependency(given: str = fastapi.Depends(session)):  # noqa: FAST002 - it is local
        client.track_custom(given)
        return {}

    @app.get("/http-error")
    async def http_error():
        raise fastapi.HTTPException(404)

    @mounted.get("/inner")
    async def inner():
        client.track_custom("inner")
        return {}

    @app.websocket("/ws")
    async def websocket(socket: fastapi.WebSocket):
        await socket.accept()
        await socket.send_text(str(context.current()))
        await socket.close()

    mounted.add_middleware(FastAPIMiddleware, client=client)
    app.add_middleware(FastAPIMiddleware, client=client)
    app.mount("/mounted", mounted)
    return app


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/background", 200, ["HttpResponse", "background"]),
        ("/broken-background", 200, ["HttpResponse", "ValueError"]),
        ("/stream", 200, ["part 0", "part 1", "HttpResponse"]),
        ("/broken-stream", 202, ["LookupError", "HttpResponse"]),
        ("/http-error", 404, ["HttpResponse"]),
        ("/mounted/inner", 200, ["inner", "HttpResponse"]),
        ("/nothing", 404, ["HttpResponse"]),
    ],
)
def test_fastapi(client, server, path, status, told):
    with TestClient(make_fastapi(client), raise_server_exceptions=False) as web:
        try:
            assert web.get(path, headers=HEADERS).status_code == status
        except LookupError:  # the response had begun
            assert path == "/broken-stream"
    assert context.current() is None
    client.flush()
    events = server.events
    assert [label(event) for event in events] == ["HttpRequest", *told]
    assert {event["trace_id"] for event in events} == {TRACE}
    assert [event["kind"]["HttpResponse"]["status"] for event in events
            if "HttpResponse" in event["kind"]] == [status]  # fmt: skip
    assert [event["parent_id"] for event in events[1:]].count(None) == 0


def test_fastapi_knows_a_tracked_dependency(client, server):
    with TestClient(make_fastapi(client)) as web:
        assert web.get("/dependency").status_code == 200
        with web.websocket_connect("/ws") as socket:
            assert socket.receive_text() == "None"
    client.flush()
    assert {"session", "session closed", "session:return"} < {label(e) for e in server.events}


def label(event):
    kind, fields = next(iter(event["kind"].items()))
    return fields.get("name") or fields.get("error_type") or fields.get("function_name") or kind


def test_a_response_from_a_task_that_knows_nothing_of_the_request(client, server):
    async def app(scope, receive, send):
        task = asyncio.get_running_loop().create_task
        for message in (
            {"type": "http.response.start", "status": 200},
            {"type": "http.response.body"},
        ):
            await contextvars.Context().run(task, send(message))
        client.start_trace()  # never ended
        client.track_custom("another")

    async def send(message):
        pass

    async def main():
        middleware = RacewayMiddleware(app, client=client)
        await middleware({"type": "http", "path": "/", "method": "GET"}, None, send)
        assert context.current() is None

    asyncio.run(main())
    client.flush()
    request, response, another = server.events
    assert response["parent_id"] == request["id"]
    assert response["trace_id"] == request["trace_id"] != another["trace_id"]


def test_concurrent_asgi_requests_do_not_mix(client, server):
    async def app(scope, receive, send):
        client.track_custom(scope["path"])
        await asyncio.sleep(0)
        client.track_custom(scope["path"])

    async def main():
        middleware = RacewayMiddleware(app, client=client)
        scopes = [{"type": "http", "path": f"/{n}", "method": "GET"} for n in range(10)]
        await asyncio.gather(*(middleware(scope, None, None) for scope in scopes))

    asyncio.run(main())
    client.flush()
    paths = {}
    for event in server.events:
        if "Custom" in event["kind"]:
            paths.setdefault(event["trace_id"], []).append(event["kind"]["Custom"]["name"])
    assert sorted(paths.values()) == [[f"/{n}"] * 2 for n in range(10)]


@pytest.mark.parametrize("capture", [False, True])
def test_headers_are_recorded_only_when_asked_for(server, capture):
    client = make_client(server, capture_http=capture)
    app = make_flask(client)
    headers = {"X-Shop": "7", "Cookie": "s3cret", "X-Session-Token": "s3cret"}
    app.test_client().post("/transfer", headers=headers, json={"body": "s3cret"})
    client.shutdown()
    (_, request), _, (_, response) = server.kinds()
    assert "s3cret" not in str(server.bodies)
    assert request["body"] is response["body"] is None
    if capture:
        assert request["headers"]["X-Shop"] == "7"
        assert request["headers"]["X-Session-Token"] == "<redacted>"
        assert response["headers"]["Content-Type"] == "application/json"
    else:
        assert request["headers"] == response["headers"] == {}
