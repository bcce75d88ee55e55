"""Handlers of web frameworks that raise: one Error event each, and the answer stays what it is."""

import os
import subprocess
import sys
import textwrap

import pytest
from wire_server import WireServer

LAUNCHER = [sys.executable, "-m", "raceway_autopatch.launcher"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

FLASK = """
    import logging
    from flask import Flask

    app = Flask(__name__)
    app.logger.disabled = True

    @app.get("/bad")
    def bad():
        raise LookupError("nothing there")

    @app.get("/handled")
    def handled():
        raise KeyError("handled")

    @app.errorhandler(KeyError)
    def of_key_error(error):
        return "gone", 410

    client = app.test_client()
    for path in ("/bad", "/handled"):
        with client.get(path) as answer:
            print(answer.status_code)
    app.testing = True
    try:
        client.get("/bad")
    except LookupError as error:
        print(error)
"""
DJANGO = """
    import io, logging, sys
    import django
    from django.conf import settings
    settings.configure(DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x",
                       LOGGING_CONFIG=None)
    logging.disable(logging.CRITICAL)
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import Http404
    from django.urls import path
    django.setup()

    def bad(request):
        raise LookupError("nothing there")

    async def also_bad(request):
        raise LookupError("nothing there")

    def handled(request):
        raise Http404

    urlpatterns = [path("bad", bad), path("also-bad", also_bad), path("handled", handled)]

    def get(app, path):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "localhost",
                   "SERVER_PORT": "80", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
                   "wsgi.url_scheme": "http"}
        told = []
        for _ in app(environ, lambda status, headers, *rest: told.append(status)):
            pass
        return int(told[0][:3])

    app = WSGIHandler()
    print(get(app, "/bad"), get(app, "/handled"))

    import asyncio

    async def ask(app, path):
        told = []
        received = iter([{"type": "http.request", "body": b""}])
        async def receive():
            for message in received:
                return message
            await asyncio.sleep(60)
        async def send(message):
            told.append(message)
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
        await app(scope, receive, send)
        return told[0]["status"]

    print(asyncio.run(ask(ASGIHandler(), "/also-bad")))
"""
FASTAPI = """
    import asyncio
    from fastapi import FastAPI, HTTPException

    app = FastAPI()

    @app.get("/bad")
    async def bad():
        raise LookupError("nothing there")

    @app.get("/also-bad")
    def also_bad():  # in another thread
        raise LookupError("nothing there")

    @app.get("/handled")
    async def handled():
        raise HTTPException(410)

    @app.get("/slow")
    async def slow():
        await asyncio.sleep(60)

    async def ask(path):
        told = []
        async def receive():
            return {"type": "http.request", "body": b""}
        async def send(message):
            told.append(message)
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
        try:
            await app(scope, receive, send)
        except LookupError as error:
            print(error)
        return told[0]["status"]

    async def main():
        print(await ask("/bad"), await ask("/also-bad"), await ask("/handled"))
        task = asyncio.create_task(ask("/slow"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
"""
AIOHTTP = """
    import asyncio, logging
    import aiohttp
    from aiohttp import web

    logging.disable(logging.CRITICAL)

    async def bad(request):
        raise LookupError("nothing there")

    async def handled(request):
        raise web.HTTPGone

    async def main():
        app = web.Application()
        app.add_routes([web.get("/bad", bad), web.get("/handled", handled)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        async with aiohttp.ClientSession() as session:
            for path in ("/bad", "/handled"):
                async with session.get(url + path) as answer:
                    print(answer.status)
        await runner.cleanup()

    asyncio.run(main())
"""
PROGRAMS = {
    "flask": (FLASK, "500 410 nothing there", 2),
    "django": (DJANGO, "500 404 500", 2),
    "fastapi": (FASTAPI, "nothing there nothing there 500 500 410", 2),
    "aiohttp": (AIOHTTP, "500 410", 1),
}

WITH_MIDDLEWARE = """
    import asyncio
    from fastapi import FastAPI
    from flask import Flask
    from raceway import Config, FastAPIMiddleware, RacewayClient, flask_middleware

    client = RacewayClient(Config.load({given}))
    flask_app = Flask("shop")
    flask_app.logger.disabled = True
    flask_middleware(client).init_app(flask_app)
    fast_app = FastAPI()
    fast_app.add_middleware(FastAPIMiddleware, client=client)

    @flask_app.get("/bad")
    def bad():
        client.track_custom("by hand")
        raise LookupError("nothing there")

    @fast_app.get("/bad")
    async def also_bad():
        client.track_custom("by hand")
        raise LookupError("nothing there")

    with flask_app.test_client().get("/bad") as answer:
        print(answer.status_code)

    async def main():
        async def receive():
            return {{"type": "http.request", "body": b""}}
        async def send(message):
            pass
        scope = {{"type": "http", "method": "GET", "path": "/bad", "headers": [],
                 "query_string": b""}}
        try:
            await fast_app(scope, receive, send)
        except LookupError as error:
            print(error)

    asyncio.run(main())
"""


@pytest.fixture
def server():
    server = WireServer()
    yield server
    server.stop()


@pytest.mark.parametrize("framework", PROGRAMS)
def test_an_exception_of_a_handler_is_told_once(server, tmp_path, framework):
    pytest.importorskip(framework)
    program, printed, failures = PROGRAMS[framework]
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(program))
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, env.get("PYTHONPATH")]))
    done = subprocess.run(
        [*LAUNCHER, "--endpoint", server.url, sys.executable, str(path)],
        capture_output=True, text=True, timeout=90, env=env, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()) == (0, printed.split()), done.stderr
    assert done.stderr == ""
    errors = [event for event in server.events if "Error" in event["kind"]]
    assert [event["kind"]["Error"]["error_type"] for event in errors] == ["LookupError"] * failures
    assert {event["kind"]["Error"]["message"] for event in errors} == {"nothing there"}
    lines = textwrap.dedent(program).splitlines()
    for event in errors:
        file, _, line = event["kind"]["Error"]["stack_trace"][0].rpartition(":")
        assert file == str(path)
        assert "raise LookupError" in lines[int(line) - 1]
        # In the trace and span of its request, before the response.
        span = event["metadata"]["distributed_span_id"]
        events = [e for e in server.events if e["metadata"]["distributed_span_id"] == span]
        assert {one["trace_id"] for one in events} == {event["trace_id"]}
        kinds = [next(iter(one["kind"])) for one in events]
        assert kinds.index("HttpRequest") < kinds.index("Error") < kinds.index("HttpResponse")
        answers = [one["kind"]["HttpResponse"] for one in events if "HttpResponse" in one["kind"]]
        assert [answer["status"] for answer in answers] == [500]
    assert server.refusals == []


@pytest.mark.parametrize("same", [True, False], ids=["the same server", "another one"])
def test_a_request_that_a_middleware_sees_too_is_told_once(server, tmp_path, same):
    pytest.importorskip("fastapi")
    pytest.importorskip("flask")
    other = WireServer()
    path = tmp_path / "program.py"
    given = "" if same else f"endpoint={other.url!r}"
    path.write_text(textwrap.dedent(WITH_MIDDLEWARE.format(given=given)))
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, env.get("PYTHONPATH")]))
    try:
        done = subprocess.run(
            [*LAUNCHER, "--endpoint", server.url, sys.executable, str(path)],
            capture_output=True, text=True, timeout=90, env=env, check=False,
        )  # fmt: skip
    finally:
        other.stop()
    assert (done.returncode, done.stdout, done.stderr) == (0, "500\nnothing there\n", "")
    told = ("HttpRequest", "Error", "HttpResponse")
    kinds = [kind for kind, _ in server.kinds() if kind in told]
    assert kinds == [*told, *told]
    by_hand = [e for e in (server if same else other).events if "Custom" in e["kind"]]
    requests = [e for e in server.events if "HttpRequest" in e["kind"]]
    if same:
        assert [e["trace_id"] for e in by_hand] == [e["trace_id"] for e in requests]
    else:
        assert [kind for kind, _ in other.kinds() if kind in told] == kinds
        assert len(by_hand) == 2
