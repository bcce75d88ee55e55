"""What is sent is what the wire protocol says: every call, whatever it is given."""

from __future__ import annotations

import json
from collections import ChainMap, UserDict
from types import MappingProxyType
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict
from wire_server import Refused, WireServer, make_client, parse, tracing, validate

from raceway import context
from raceway.client import RacewayClient
from raceway.config import Config
from raceway.context import TraceContext

TRACE = "5f0c2a9e-3b1d-4e57-8a60-9d2c7e41b3f8"
TASK = "c1a7b0de-55aa-4d0e-9f63-2f1e8f0b7a11"
LOCK = {"lock_id": "Lock@/srv/bank/api.py:12", "lock_type": "Lock"}
HELD = ["Lock@/srv/bank/api.py:12"]

# One event of each kind, as a service records it while it serves one request.
BATCH = [
    (
        "HttpRequest",
        {
            "method": "POST",
            "url": "/transfer",
            "headers": {"content-type": "application/json"},
            "body": {"from": "alice", "to": "bob", "amount": 10},
        },
        [],
    ),
    (
        "FunctionCall",
        {
            "function_name": "transfer",
            "module": "bank.api",
            "args": {"amount": 10},
            "file": "/srv/bank/api.py",
            "line": 41,
        },
        [],
    ),
    ("AsyncSpawn", {"task_id": TASK, "spawned_by": "/srv/bank/api.py:43"}, []),
    ("LockAcquire", {**LOCK, "location": "/srv/bank/api.py:45"}, HELD),
    (
        "StateChange",
        {
            "variable": "alice.balance",
            "old_value": None,
            "new_value": 100,
            "location": "/srv/bank/api.py:46",
            "access_type": "Read",
        },
        HELD,
    ),
    (
        "StateChange",
        {
            "variable": "alice.balance",
            "old_value": 100,
            "new_value": 90,
            "location": "/srv/bank/api.py:47",
            "access_type": "Write",
        },
        HELD,
    ),
    ("MemoryFence", {"ordering": "SeqCst", "location": "/srv/bank/api.py:48"}, HELD),
    ("LockRelease", {**LOCK, "location": "/srv/bank/api.py:49"}, []),
    (
        "DatabaseQuery",
        {"query": "UPDATE account SET a = ?", "database": "sqlite:bank.db", "duration_ms": 3},
        [],
    ),
    ("DatabaseResult", {"rows_affected": 1}, []),
    ("AsyncAwait", {"future_id": TASK, "awaited_at": "/srv/bank/api.py:52"}, []),
    (
        "Error",
        {
            "error_type": "ValueError",
            "message": "amount must be positive",
            "stack_trace": ["/srv/bank/api.py:55", "/srv/bank/app.py:9"],
        },
        [],
    ),
    ("Custom", {"name": "Audit", "data": {"function_name": "transfer", "line": 57}}, []),
    ("HttpResponse", {"status": 200, "headers": {}, "body": None, "duration_ms": 12}, []),
]


def test_a_batch_with_every_kind(server):
    trace = TraceContext(
        TRACE, "9b1f0c77d2a4e633", None, clock=(("gateway#gw-1", 4), ("bank#host1", 3))
    )
    client = make_client(server, service_name="bank", instance_id="host1", environment="test")
    frame = context.begin(trace)
    client.track_http_request(
        "POST",
        "/transfer",
        {"content-type": "application/json"},
        {"from": "alice", "to": "bob", "amount": 10},
        direction="in",
    )
    client.track_function_call("transfer", "bank.api", {"amount": 10}, "/srv/bank/api.py", 41)
    client.track_async_spawn(TASK, "audit", "/srv/bank/api.py:43")
    client.track_lock_acquire(LOCK["lock_id"], "Lock", "/srv/bank/api.py:45")
    client.track_state_change("alice.balance", None, 100, "/srv/bank/api.py:46", "Read")
    client.track_state_change("alice.balance", 100, 90, "/srv/bank/api.py:47", "Write")
    client.track_memory_fence("SeqCst", "/srv/bank/api.py:48")
    client.track_lock_release(LOCK["lock_id"], "/srv/bank/api.py:49")
    client.track_database_query("UPDATE account SET a = ?", "sqlite:bank.db", 3)
    client.track_database_result(1)
    client.track_async_await(TASK, "/srv/bank/api.py:52")
    client.track_error(
        ValueError, "amount must be positive", ["/srv/bank/api.py:55", "/srv/bank/app.py:9"]
    )
    client.track_custom("Audit", {"function_name": "transfer", "line": 57})
    client.track_http_response(200, {}, None, 12, direction="in")
    context.leave(frame)
    client.shutdown()

    [batch] = server.batches
    assert [(*next(iter(e["kind"].items())), e["lock_set"]) for e in batch] == BATCH
    parents = [None, *(event["id"] for event in batch[:-1])]
    assert [event["parent_id"] for event in batch] == parents
    for number, event in enumerate(batch, 4):
        assert list(event) == [
            "id", "trace_id", "parent_id", "timestamp", "kind", "metadata", "causality_vector",
            "lock_set",
        ]  # fmt: skip
        assert event["trace_id"] == TRACE
        assert event["causality_vector"] == [
            ["gateway#gw-1", 4], ["bank#host1", number], [TRACE, number]
        ]  # fmt: skip
        metadata = event["metadata"]
        assert list(metadata) == [
            "thread_id", "process_id", "service_name", "environment", "tags", "duration_ns",
            "instance_id", "distributed_span_id", "upstream_span_id",
        ]  # fmt: skip
        assert (metadata["service_name"], metadata["environment"]) == ("bank", "test")
        assert metadata["instance_id"] == "host1"
        assert metadata["distributed_span_id"] == "9b1f0c77d2a4e633"
        assert metadata["upstream_span_id"] is None
        assert metadata["tags"]["sdk_language"] == "python"
    assert len({event["metadata"]["thread_id"] for event in batch}) == 1
    assert batch[-1]["metadata"]["duration_ns"] == 12_000_000


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=30)  # lone surrogates, too
    | st.binary(max_size=10)
    | st.sampled_from([object(), float("nan"), 2**70, -(2**70), 1j, "x" * 5000, "é" * 300]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers() | st.none(), inner, max_size=4)
    ),
    max_leaves=8,
)
CALLS = {
    "track_state_change": 5,
    "track_function_call": 6,
    "track_function_return": 5,
    "track_http_request": 4,
    "track_http_response": 4,
    "track_async_spawn": 3,
    "track_async_await": 2,
    "track_lock_acquire": 3,
    "track_lock_release": 3,
    "track_error": 3,
    "track_memory_fence": 2,
    "track_database_query": 3,
    "track_database_result": 1,
    "track_custom": 2,
    "propagation_headers": 0,
}
calls = st.lists(
    st.sampled_from(sorted(CALLS)).flatmap(
        lambda name: st.tuples(st.just(name), st.tuples(*[anything] * CALLS[name]))
    ),
    min_size=1,
    max_size=12,
)


class Posts:
    """Stands for the connection: keeps what would be sent."""

    def __init__(self):
        self.bodies = []

    def post(self, body, _lock):
        from raceway.pipeline.transport import Answer

        self.bodies.append(body)
        return Answer(200)

    def close(self):
        pass

    def forget(self):
        pass


@settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(calls, st.text(min_size=1, max_size=10).filter(str.strip))
def test_whatever_is_tracked_is_valid(made, service):
    try:
        config = Config(endpoint="http://127.0.0.1:9", service_name=service, instance_id="i")
    except ValueError:  # a lone surrogate
        return
    client = RacewayClient(config)
    client._sender._transport = posts = Posts()
    client.start_trace()
    try:
        for name, arguments in made:
            getattr(client, name)(*arguments)
    finally:
        client.end_trace()
        client.shutdown()
    stats = client.stats()
    assert stats.dropped == 0
    events = [event for body in posts.bodies for event in parse(body)["events"]]
    validate(events)
    assert len(events) == stats.sent
    seen = set()
    for event in events:
        assert event["parent_id"] is None or event["parent_id"] in seen
        assert event["id"] not in seen
        seen.add(event["id"])
        component, own = event["causality_vector"]
        assert component[0] == f"{service}#i"
        assert own == [event["trace_id"], component[1]]


@pytest.mark.parametrize(
    "broken",
    [
        lambda event: event["kind"].update(FunctionReturn={}),
        lambda event: event["kind"]["Custom"].pop("data"),
        lambda event: event["metadata"].update(process_id=-1),
        lambda event: event["metadata"].update(tags={"a": 1}),
        lambda event: event.update(parent_id=""),
        lambda event: event.update(timestamp="2026-01-01T00:00:00"),
        lambda event: event.update(causality_vector=[["a", 1.0]]),
        lambda event: event.update(lock_set=None),
    ],
)
def test_the_validator_refuses_what_a_server_refuses(server, broken):
    with tracing(server) as client:
        client.track_custom("x")
    event = json.loads(server.bodies[0])["events"][0]
    validate([event])
    broken(event)
    with pytest.raises(Refused):
        validate([event])


def test_secrets_are_left_out_by_name(server):
    with tracing(server) as client:
        client.track_state_change("user.Password", "s3cret", "s3cret", "a:1", "Write")
        client.track_function_call("login", "m", {"token": "s3cret", "user": "ann"}, "a", 1)
        client.track_custom("x", [{"deep": {"API_KEY": ["s3cret"]}, "none_token": None}])
        client.track_http_request(
            "GET", "https://ann:s3cret@host/a?access_token=s3cret&b=1#c", {"X-My-Secret": "s3cret"}
        )
    assert "s3cret" not in str(server.bodies)
    kinds = [fields for _, fields in server.kinds()]
    assert kinds[0]["new_value"] == "<redacted>"
    assert kinds[1]["args"] == {"token": "<redacted>", "user": "ann"}
    assert kinds[2]["data"] == [{"deep": {"API_KEY": "<redacted>"}, "none_token": None}]
    assert kinds[3]["url"] == "https://<redacted>@host/a?access_token=<redacted>&b=1#c"


class Login(NamedTuple):
    user: str
    password: str


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Login("ann", "s3cret"), ["ann", "<redacted>"]),
        (UserDict(token="s3cret", a=1), {"token": "<redacted>", "a": 1}),
        (CaseInsensitiveDict({"Authorization": "s3cret"}), {"Authorization": "<redacted>"}),
        (MappingProxyType({"token": "s3cret"}), {"token": "<redacted>"}),
        ([ChainMap({"api_key": "s3cret"}, {"b": 2})], [{"b": 2, "api_key": "<redacted>"}]),
    ],
    ids=["named tuple", "UserDict", "requests", "proxy of a dict", "ChainMap"],
)
def test_secrets_that_have_a_name_though_not_in_a_dict(server, value, expected):
    with tracing(server) as client:
        client.track_custom("x", value)
        client.track_http_request("GET", "/?pass%77ord=s3cret&a=%20")
    assert "s3cret" not in str(server.bodies)
    kinds = [fields for _, fields in server.kinds()]
    assert kinds[0]["data"] == expected
    assert kinds[1]["url"] == "/?pass%77ord=<redacted>&a=%20"


def test_a_mapping_that_fails_or_contains_itself_costs_nothing(server):
    class Broken(UserDict):
        def items(self):
            raise LookupError

    endless = UserDict()
    endless["again"] = endless
    with tracing(server) as client:
        client.track_custom("x", [Broken(), endless])
    assert server.kinds()[0][1]["data"] == ["<unprintable Broken>", {"again": "<contains itself>"}]


def test_what_is_a_secret_can_be_configured(server):
    with tracing(server, redact=["iban"]) as client:
        client.track_custom("x", {"IBAN_from": 7, "token": 8})
    with tracing(server, redact=()) as client:
        client.track_custom("x", {"IBAN_from": 7, "token": 8})
    assert [fields["data"] for _, fields in server.kinds()] == [
        {"IBAN_from": "<redacted>", "token": 8},
        {"IBAN_from": 7, "token": 8},
    ]


def test_long_clocks_stay_below_the_limit_of_headers():
    server = WireServer()
    try:
        clock = tuple((f"service-{number}" + "x" * 200, number) for number in range(64))
        client = make_client(server)
        frame = context.begin(TraceContext(clock=clock))
        client.track_custom("x")
        headers = client.propagation_headers()
        context.leave(frame)
        client.shutdown()
        assert max(map(len, headers.values())) <= 8192
        [event] = server.events
        assert len(event["causality_vector"]) == 66
    finally:
        server.stop()
