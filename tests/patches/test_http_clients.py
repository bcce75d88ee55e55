"""HTTP clients: one call for each hop, whichever library makes it, against a real server."""

from __future__ import annotations

import asyncio
import http.client
import threading
import urllib.request
import xmlrpc.client

import pytest

flask = pytest.importorskip("flask")
aiohttp = pytest.importorskip("aiohttp")
httpx = pytest.importorskip("httpx")
requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")
make_server = pytest.importorskip("werkzeug.serving").make_server

from raceway import context  # noqa: E402 - after the optional libraries

MINE = {"TraceParent": "00-7c9e6679742540de944be07fc1f90ae7-53995c3f42cd8ad8-00"}


@pytest.fixture
def server(http_recording, marker):
    """Serve an application in threads; what it does is recorded too."""
    app = flask.Flask("served")

    @app.get("/headers")
    def headers():
        marker("handler")
        # Pairs: two headers of one name would be seen.
        return [[name.lower(), value] for name, value in flask.request.headers.items()]

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
    yield
    while context.end() is not None:
        pass


# Each returns the body, and the headers of the response.


def with_requests(url, headers=None):
    response = requests.get(url, headers=headers, timeout=5)
    return response.json(), response.headers


def with_urllib3(url, headers=None):
    with urllib3.PoolManager() as pool:
        response = pool.request("GET", url, headers=headers, timeout=5, retries=2)
        return response.json(), response.headers


def with_urllib(url, headers=None):
    import json

    asked = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(asked, timeout=5) as response:
        return json.load(response), response.headers


def with_httpx(url, headers=None):
    response = httpx.get(url, headers=headers, timeout=5, follow_redirects=True)
    return response.json(), response.headers


def with_httpx_async(url, headers=None):
    async def get():
        async with httpx.AsyncClient(follow_redirects=True, timeout=5) as client:
            response = await client.get(url, headers=headers)
            return response.json(), response.headers

    return asyncio.run(get())


def with_aiohttp(url, headers=None):
    async def get():
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, headers=headers) as response,
        ):
            names = [name.lower() for name, _ in response.raw_headers]
            assert b"raceway-reply" not in names
            return await response.json(), response.headers

    return asyncio.run(get())


CLIENTS = [
    with_requests, with_urllib3, with_urllib, with_httpx, with_httpx_async, with_aiohttp
]  # fmt: skip
ALL = pytest.mark.parametrize("get", CLIENTS, ids=lambda get: get.__name__)


def outgoing(recording):
    return [op for op in recording.ops if op.name.startswith("HTTP_") and op.subject == 1]


@ALL
def test_one_call(http_recording, server, marker, get):
    """One pair of events, an order with the handler, and headers that arrive once."""
    marker("before")
    seen, headers = get(f"{server}/headers")
    marker("after")
    request, response = outgoing(http_recording)
    assert (request.name, request.argument[:2]) == ("HTTP_REQUEST", ("GET", f"{server}/headers"))
    assert (response.name, response.argument[0]) == ("HTTP_RESPONSE", 200)
    assert request.argument[2] == response.argument[2]
    assert http_recording.ordered("before", "handler")
    assert http_recording.ordered("handler", "after")
    names = [name for name, _ in seen]
    assert names.count("traceparent") == names.count("raceway-clock") == 1
    assert f"-{request.argument[2]}-" in dict(seen)["traceparent"]
    assert "raceway-reply" not in headers


@ALL
def test_each_hop_of_a_redirect(http_recording, server, marker, get):
    """It is a call with a span of its own, in the same trace."""
    seen, _ = get(f"{server}/redirect")
    marker("after")
    spans = [op.argument[2] for op in outgoing(http_recording) if op.name == "HTTP_REQUEST"]
    assert len(outgoing(http_recording)) == 4
    assert len(set(spans)) == 2
    assert f"-{spans[1]}-" in dict(seen)["traceparent"]
    assert http_recording.ordered("redirect", "handler")
    assert http_recording.ordered("redirect", "after")


@ALL
def test_a_traceparent_of_the_program(http_recording, server, get):
    """It arrives as it is, without our clock; the call is recorded once."""
    given = dict(MINE)
    seen, _ = get(f"{server}/headers", given)
    assert [value for name, value in seen if name == "traceparent"] == [*MINE.values()]
    assert "raceway-clock" not in dict(seen)
    assert len(outgoing(http_recording)) == 2
    assert given == MINE


@ALL
def test_headers_of_the_program_are_not_changed(http_recording, server, get):
    """They are used again for the next call."""
    given = {"X-Mine": "1"}
    seen, _ = get(f"{server}/headers", given)
    assert given == {"X-Mine": "1"}
    assert dict(seen)["x-mine"] == "1"


@ALL
def test_own_traffic_is_left_alone(http_recording, server, monkeypatch, get):
    """What Raceway itself sends is neither recorded nor traced."""
    sender = pytest.importorskip("raceway.pipeline.sender")
    monkeypatch.setattr(sender, "is_internal", lambda: True)
    seen, _ = get(f"{server}/headers")
    assert "traceparent" not in dict(seen)
    assert outgoing(http_recording) == []


@pytest.mark.parametrize("get", CLIENTS[:5], ids=lambda get: get.__name__)
def test_a_refused_connection(http_recording, get):
    """The exception is the library's; each attempt is a call that got no response."""
    with pytest.raises(Exception) as caught:
        get("http://127.0.0.1:1/")
    # Not under its public name: httpx and urllib say where they have it from.
    assert type(caught.value).__module__.startswith(("requests", "urllib", "httpx"))
    ended = [op.argument[0] for op in outgoing(http_recording) if op.name == "HTTP_RESPONSE"]
    assert set(ended) == {0}
    assert len(outgoing(http_recording)) == 2 * len(ended)
    assert len(ended) == (3 if get is with_urllib3 else 1)


def test_a_call_within_a_call(http_recording, server):
    """A token that is fetched by one library while another one sends is a call of its own."""

    class Auth(requests.adapters.HTTPAdapter):
        def send(self, request, **kwargs):
            with_urllib3(f"{server}/headers")
            return super().send(request, **kwargs)

    with requests.Session() as session:
        session.mount("http://", Auth())
        session.get(f"{server}/redirect", timeout=5)
    assert len(outgoing(http_recording)) == 8


def test_http_client_by_hand(http_recording, server):
    """Several requests of one connection, header by header; errors of use are the library's."""
    host = server.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=5)
    for _ in range(2):
        connection.putrequest("GET", "/headers?token=1")
        connection.putheader("X-Mine", "1")
        connection.endheaders()
        assert connection.getresponse().read()
    with pytest.raises(http.client.CannotSendHeader):
        connection.endheaders()
    with pytest.raises(http.client.ResponseNotReady):
        connection.getresponse()
    connection.close()
    urls = [op.argument[1] for op in outgoing(http_recording) if op.name == "HTTP_REQUEST"]
    assert urls == [f"{server}/headers"] * 2
    assert len(outgoing(http_recording)) == 4


def test_urllib3_keeps_what_it_was_given(http_recording, server):
    """Header names in bytes, several values of one name, and a body that is preloaded or not."""
    headers = urllib3.HTTPHeaderDict()
    headers.add("X-Two", "1")
    headers.add("X-Two", "2")
    pool = urllib3.HTTPConnectionPool("127.0.0.1", int(server.rpartition(":")[2]))
    response = pool.urlopen("GET", "/headers", headers=headers, preload_content=False)
    assert sorted(response.json()).count(["x-two", "1,2"]) == 1
    pool.urlopen("GET", "/headers", headers={b"traceparent": b"mine"})
    pool.close()
    assert len(outgoing(http_recording)) == 4


def test_xmlrpc(http_recording, server):
    """It goes through http.client; its errors are its own."""
    proxy = xmlrpc.client.ServerProxy(f"{server}/headers")
    with pytest.raises(xmlrpc.client.ProtocolError):
        proxy.anything()
    assert [op.argument[0] for op in outgoing(http_recording)] == ["POST", 405]
