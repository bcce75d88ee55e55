"""The full dialect as it stands on the wire, and a server that takes it."""

import json

import pytest
from server.running_server import running
from wire_server import Reply, WireServer, make_client, ok

from raceway import track_function
from raceway.client import RacewayClient
from raceway.config import Config


@pytest.fixture
def server():
    server = WireServer()
    yield server
    server.stop()


def sent(server):
    return [event for body in server.bodies for event in json.loads(body)["events"]]


def track(client):
    client.start_trace()
    client.track_function_return("total", {"sum": 42}, "shop.py", 7, 1500)

    @track_function(client, capture_result=True)
    def double(number):
        return 2 * number

    double(4)
    client.end_trace()
    client.shutdown()


def test_returns_in_the_full_dialect(server):
    server.replies.extend([Reply(200, ok(3))])
    track(make_client(server, dialect="full"))
    first, call, second = sent(server)
    assert first["kind"] == {
        "FunctionReturn": {
            "function_name": "total", "module": __name__, "return_value": {"sum": 42},
            "file": "shop.py", "line": 7,
        }
    }  # fmt: skip
    assert first["metadata"]["duration_ns"] == 1500
    assert first["metadata"]["tags"]["event.kind"] == "FunctionReturn"
    name = call["kind"]["FunctionCall"]["function_name"]
    assert name.endswith("double")
    assert second["kind"]["FunctionReturn"]["function_name"] == name
    assert second["kind"]["FunctionReturn"]["return_value"] == 8
    assert second["metadata"]["duration_ns"] > 0
    # In all else the events are those of the other dialect.
    assert list(second) == list(call)
    assert second["trace_id"] == call["trace_id"] == first["trace_id"]


def test_returns_in_the_compact_dialect(server):
    track(make_client(server))
    assert server.refusals == []
    first, call, second = server.events
    assert first["kind"] == {
        "FunctionCall": {
            "function_name": "total:return", "module": __name__,
            "args": {"return_value": {"sum": 42}}, "file": "shop.py", "line": 7,
        }
    }  # fmt: skip
    name = call["kind"]["FunctionCall"]["function_name"]
    assert second["kind"]["FunctionCall"]["function_name"] == f"{name}:return"
    assert second["kind"]["FunctionCall"]["args"] == {"return_value": 8}


def test_a_server_of_ours_takes_the_full_dialect(tmp_path):
    with running(tmp_path / "data", cwd=tmp_path) as server:
        client = RacewayClient(Config(endpoint=server.url, dialect="full"))
        track(client)
        assert client.stats().sent == 3
        server.analysed()
        [trace] = server.data_of("/api/traces")["traces"]
        events = server.data_of(f"/api/traces/{trace['trace_id']}")["events"]
    kinds = [next(iter(event["kind"])) for event in events]
    assert kinds == ["FunctionReturn", "FunctionCall", "FunctionReturn"]
