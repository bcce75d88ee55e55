"""Starlette, FastAPI, Django and aiohttp's server: a request is one pair of events and one trace."""

from __future__ import annotations

import asyncio
import os
import sys
import types

import pytest

aiohttp = pytest.importorskip("aiohttp")
django = pytest.importorskip("django")
fastapi = pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")
starlette = pytest.importorskip("starlette")

from aiohttp import web  # noqa: E402 - after the optional libraries
from aiohttp.test_utils import TestServer  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.background import BackgroundTask  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from starlette.middleware.base import BaseHTTPMiddleware  # noqa: E402
from starlette.responses import PlainTextResponse, StreamingResponse  # noqa: E402
from starlette.routing import Mount, Route  # noqa: E402

from raceway import context  # noqa: E402
from raceway.record import recorder  # noqa: E402


def trace_id():
    return context.current().trace_id


# ---------------------------------------------------------------- the applications


def starlette_app(marker):
    async def plain(request):
        marker("handler")
        return PlainTextResponse(trace_id())

    async def stream(request):
        async def chunks():
            yield "a"
            yield "b"

        return StreamingResponse(chunks())

    async def broken(request):
        raise LookupError("mine")

    async def background(request):
        async def later():
            marker(trace_id())

        return PlainTextResponse(trace_id(), background=BackgroundTask(later))

    async def passing(request, call_next):
        return await call_next(request)

    return Starlette(
        routes=[
            Route("/plain", plain),
            Route("/stream", stream),
            Route("/raise", broken),
            Route("/background", background),
            Mount("/sub", Starlette(routes=[Route("/plain", plain)])),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=passing)],
    )


def fastapi_app(marker):
    app = fastapi.FastAPI()
    sub = fastapi.FastAPI()

    async def plain():
        marker("handler")
        return fastapi.responses.PlainTextResponse(trace_id())

    app.get("/plain")(plain)
    sub.get("/plain")(plain)

    @app.get("/stream")
    def stream():
        return fastapi.responses.StreamingResponse(iter(["a", "b"]))

    @app.get("/raise")
    def broken():
        raise LookupError("mine")

    app.mount("/sub", sub)
    return app


def django_urls(marker):
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            DEBUG=False, ALLOWED_HOSTS=["*"], SECRET_KEY="x", ROOT_URLCONF="views_of_django",
            MIDDLEWARE=["django.middleware.common.CommonMiddleware"], LOGGING_CONFIG=None,
        )  # fmt: skip
        django.setup()
    from django.http import HttpResponse, StreamingHttpResponse
    from django.urls import clear_url_caches, path

    def plain(request):
        marker("handler")
        return HttpResponse(trace_id())

    async def plain_async(request):
        marker("handler")
        return HttpResponse(trace_id())

    async def chunks():
        yield "a"
        yield "b"

    def stream(request):
        # Django warns of an iterator of the wrong kind.
        is_async = hasattr(request, "scope")
        return StreamingHttpResponse(chunks() if is_async else iter(["a", "b"]))

    def broken(request):
        raise LookupError("mine")

    urls = types.ModuleType("views_of_django")
    urls.urlpatterns = [
        path("plain", plain), path("stream", stream), path("raise", broken),
        path("async", plain_async),
    ]  # fmt: skip
    sys.modules["views_of_django"] = urls
    clear_url_caches()


def django_wsgi_app(marker):
    django_urls(marker)
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()


def django_asgi_app(marker):
    django_urls(marker)
    from django.core.handlers.asgi import ASGIHandler

    return ASGIHandler()


def aiohttp_app(marker):
    async def plain(request):
        marker("handler")
        return web.Response(text=trace_id())

    async def stream(request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"a")
        await response.write(b"b")
        return response

    async def broken(request):
        raise LookupError("mine")

    sub = web.Application()
    sub.router.add_get("/plain", plain)
    app = web.Application()
    app.router.add_get("/plain", plain)
    app.router.add_get("/stream", stream)
    app.router.add_get("/raise", broken)
    app.add_subapp("/sub", sub)
    return app


# ---------------------------------------------------------------- asking


def ask(app, path, headers=None):
    """Ask once, as a server or in the application's own way; status, text and headers."""
    if isinstance(app, web.Application):
        return asyncio.run(ask_aiohttp(app, path, headers))
    if type(app).__name__ == "WSGIHandler":
        with httpx.Client(transport=httpx.WSGITransport(app=app, raise_app_exceptions=False)) as c:
            # The patched client would be the caller: here it is somebody else.
            response = quietly(c, path, headers)
            return response.status_code, response.text, response.headers
    return asyncio.run(ask_asgi(app, path, headers))


def quietly(client, path, headers):
    status, recorder.status.active = recorder.status.active, False
    request = client.build_request("GET", f"http://test{path}", headers=headers)
    recorder.status.active = status
    handle = client._transport.handle_request
    response = handle(request)
    response.read()
    response.close()
    return response


async def ask_asgi(app, path, headers):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    request = httpx.Request("GET", f"http://test{path}", headers=headers)
    response = await transport.handle_async_request(request)
    await response.aread()
    return response.status_code, response.text, response.headers


async def ask_aiohttp(app, path, headers):
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        lines = [f"GET {path} HTTP/1.0", *(f"{k}: {v}" for k, v in (headers or {}).items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        answer = (await reader.read()).decode()
        writer.close()
        head, _, body = answer.partition("\r\n\r\n")
        status, *rest = head.split("\r\n")
        return int(status.split()[1]), body, httpx.Headers([tuple(x.split(": ", 1)) for x in rest])


APPS = [starlette_app, fastapi_app, django_wsgi_app, django_asgi_app, aiohttp_app]
ALL = pytest.mark.parametrize("make", APPS, ids=lambda make: make.__name__)


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    yield
    assert context.current() is None
    assert "raceway" not in os.environ.get("PYTHONPATH", "")


def pairs(recording):
    """Return method, path and status of each request, in the order of their ends."""
    events = [op for op in recording.ops if op.name.startswith("HTTP_")]
    begun = {op.argument[2]: op.argument for op in events if op.name == "HTTP_REQUEST"}
    assert all(op.subject == 0 for op in events)
    return [
        (*begun.pop(op.argument[2])[:2], op.argument[0])
        for op in events
        if op.name == "HTTP_RESPONSE"
    ]


@ALL
@pytest.mark.parametrize(
    ("path", "status", "text"),
    [("/plain", 200, None), ("/stream", 200, "ab"), ("/none", 404, None), ("/raise", 500, None)],
)
def test_one_pair_of_events(http_recording, marker, make, path, status, text):
    """Also where there is no handler, and where one raises."""
    got = ask(make(marker), path)
    assert got[0] == status
    assert text in (None, got[1])
    assert "raceway-reply" not in got[2]
    assert pairs(http_recording) == [("GET", path, status)]


@pytest.mark.parametrize("make", [starlette_app, fastapi_app, aiohttp_app])
def test_mounted_applications(http_recording, marker, make):
    """One pair for each request, whichever application answers it; the path is the whole one."""
    assert ask(make(marker), "/sub/plain")[0] == 200
    assert pairs(http_recording) == [("GET", "/sub/plain", 200)]


@ALL
def test_a_traceparent_from_outside(http_recording, marker, make):
    """The handler is in the caller's trace; nobody is waited for."""
    sent = {"traceparent": "00-7c9e6679742540de944be07fc1f90ae7-53995c3f42cd8ad8-01"}
    got = ask(make(marker), "/plain", sent)
    assert got[1] == "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    assert not any(op.name.startswith("REMOTE") for op in http_recording.ops)


@ALL
@pytest.mark.parametrize("path", ["/plain", "/stream", "/none", "/raise"])
def test_a_recorded_caller_gets_a_reply(http_recording, marker, make, path):
    """Message in, message out before the response leaves, and the header says so."""
    sent = context.format_headers(context.TraceContext(), "caller", "caller-1")
    span = sent["traceparent"].split("-")[2]
    got = ask(make(marker), path, sent)
    remote = [(op.name, op.argument) for op in http_recording.ops if op.name.startswith("REMOTE")]
    assert remote[0] == ("REMOTE_RECEIVE", span)
    assert remote[1:] == [("REMOTE_SEND", f"{span}:reply")]
    assert got[2]["raceway-reply"] == span


@ALL
@pytest.mark.parametrize("clock", ["v1;", "v2;abc", "v1;e30"])
def test_bad_headers(http_recording, marker, make, clock):
    """A request is served whatever its headers are."""
    sent = {"traceparent": "00-zz-1-01", "raceway-clock": clock}
    assert ask(make(marker), "/plain", sent)[0] == 200


def test_a_background_task_belongs_to_the_request(http_recording, marker):
    """It runs in its trace, after the response has left."""
    trace = ask(starlette_app(marker), "/background")[1]
    assert trace in http_recording.clocks()
    names = [op.name for op in http_recording.ops if op.name != "SWITCH"]
    assert names == ["HTTP_REQUEST", "WRITE", "HTTP_RESPONSE"]


def test_an_async_view_of_django(http_recording, marker):
    """It is one request as any other."""
    assert ask(django_asgi_app(marker), "/async")[0] == 200
    assert pairs(http_recording) == [("GET", "/async", 200)]


def test_requests_at_the_same_time(http_recording, marker):
    """Each has a trace of its own."""
    app = starlette_app(marker)

    async def main():
        return await asyncio.gather(*(ask_asgi(app, "/plain", None) for _ in range(5)))

    assert len({text for _, text, _ in asyncio.run(main())}) == 5
    assert len(pairs(http_recording)) == 5


def test_a_client_that_calls_its_own_application(http_recording, marker):
    """Client and handler are two events, and one trace."""
    app = starlette_app(marker)

    async def main():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            first, second = await client.get("/plain"), await client.get("/plain")
            assert "raceway-reply" not in first.headers
            assert first.text == second.text

    asyncio.run(main())
    sides = [(op.name, op.subject) for op in http_recording.ops if op.name.startswith("HTTP_")]
    assert sides == [
        ("HTTP_REQUEST", 1), ("HTTP_REQUEST", 0), ("HTTP_RESPONSE", 0), ("HTTP_RESPONSE", 1)
    ] * 2  # fmt: skip


def test_websockets_and_the_lifespan_pass_through(http_recording, marker):
    """They are no requests."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    class Bare(Starlette):
        def build_middleware_stack(self):
            return app

    async def main():
        for kind in ("websocket", "lifespan"):
            await Bare()({"type": kind}, None, None)

    asyncio.run(main())
    assert seen == ["websocket", "lifespan"]
    assert pairs(http_recording) == []
