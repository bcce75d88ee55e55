"""Every documented form of call, verbatim, and what arrives at the server."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
import uuid

import pytest
from wire_server import make_client, tracing

import raceway.client
from raceway.client import RacewayClient
from raceway.config import Config
from raceway.exceptions import UsageError


def kinds(server, expected=None):
    found = server.kinds()
    if expected is not None:
        assert [name for name, _ in found] == expected
    return [fields for _, fields in found]


def test_quick_start(server):
    client = RacewayClient(
        Config(
            endpoint=server.url,
            service_name="my-service",
            environment="development",
            batch_size=50,
            flush_interval=1.0,
            debug=False,
        )
    )
    client.start_trace()
    client.track_state_change(
        variable="user.balance",
        old_value=100,
        new_value=150,
        location="app.py:42",
        access_type="Write",
    )
    client.track_function_call(
        function_name="process_payment",
        module="payments",
        args={"amount": 50},
        file="payments.py",
        line=25,
    )
    client.end_trace()
    client.shutdown()

    state, call = kinds(server, ["StateChange", "FunctionCall"])
    assert state == {
        "variable": "user.balance",
        "old_value": 100,
        "new_value": 150,
        "location": "app.py:42",
        "access_type": "Write",
    }
    assert call == {
        "function_name": "process_payment",
        "module": "payments",
        "args": {"amount": 50},
        "file": "payments.py",
        "line": 25,
    }
    metadata = server.events[0]["metadata"]
    assert metadata["service_name"] == "my-service"
    assert metadata["environment"] == "development"
    assert metadata["tags"] == {"sdk_language": "python"}


def test_reference_forms(server):
    with tracing(server) as client:
        client.track_state_change("counter", 5, 6, "app.py:100", "Write")
        client.track_function_call("calculate_total", "billing", {"items": 3}, "billing.py", 50)
        client.track_http_request(
            "POST", "/api/users", {"Content-Type": "application/json"}, {"name": "Alice"}
        )
        client.track_http_response(200, {}, {"id": "123"}, 45)
        client.track_async_spawn("task-123", "process_payment", "app.py:200")
        client.track_async_await("future-456", "app.py:210")
        client.track_lock_acquire("mutex-1", "Lock", "app.py:50")
        client.track_lock_release("mutex-1", "app.py:60")
        client.track_error("ValidationError", "Invalid email format", ["app.py:100", "main.py:50"])
    _, _, request, response, spawn, wait, acquire, release, error = kinds(server)
    assert request == {
        "method": "POST",
        "url": "/api/users",
        "headers": {"Content-Type": "application/json"},
        "body": {"name": "Alice"},
    }
    assert response == {"status": 200, "headers": {}, "body": {"id": "123"}, "duration_ms": 45}
    assert spawn["spawned_by"] == "app.py:200"
    assert wait["awaited_at"] == "app.py:210"
    assert acquire == {"lock_id": "mutex-1", "lock_type": "Lock", "location": "app.py:50"}
    assert release == {"lock_id": "mutex-1", "lock_type": "Lock", "location": "app.py:60"}
    assert error["stack_trace"] == ["app.py:100", "main.py:50"]
    events = server.events
    assert events[4]["metadata"]["tags"]["async.id"] == "task-123"
    assert events[4]["metadata"]["tags"]["async.task_name"] == "process_payment"
    assert events[3]["metadata"]["duration_ns"] == 45_000_000
    assert events[2]["metadata"]["tags"]["http.direction"] == "out"
    assert events[7]["lock_set"] == []


def test_flask_forms(server):
    with tracing(server) as client:
        client.track_function_call("transfer", {"from": "alice", "to": "bob"})
        client.track_state_change("alice.balance", None, 100, "Read")
        line = sys._getframe().f_lineno - 1
        client.track_state_change("alice.balance", 100, 90, "Write")
    call, read, write = kinds(server, ["FunctionCall", "StateChange", "StateChange"])
    assert call["args"] == {"from": "alice", "to": "bob"}
    assert (call["module"], call["file"]) == (__name__, __file__)
    assert (read["access_type"], read["location"]) == ("Read", f"{__file__}:{line}")
    assert (write["access_type"], write["location"]) == ("Write", f"{__file__}:{line + 2}")


def test_state_change_forms(server):
    with tracing(server) as client:
        client.track_state_change("x", 1, 2, access_type="AtomicRMW")
        client.track_state_change("x", 1, 2, "app.py:1", access_type="atomicread")
        client.track_state_change("x", 1, 2, "app.py:1")
        client.track_state_change("x", 1, 2, "app.py:1", "nonsense")
        client.track_state_change("x")
    assert [state["access_type"] for state in kinds(server)] == [
        "AtomicRMW",
        "AtomicRead",
        "Write",
        "Write",
        "Write",
    ]


def test_function_call_forms(server):
    with tracing(server) as client:
        client.track_function_call("f", {"a": 1}, 1500)
        client.track_function_call("f", None, 1500)
        client.track_function_call("f", args={"a": 1}, duration_ns=7)
        client.track_function_call("f", [1, 2])
        client.track_function_call("f", "module", 5)
        client.track_function_return("f", {"ok": True}, duration_ns=9)
    found = kinds(server)
    assert [call["args"] for call in found] == [
        {"a": 1},
        None,
        {"a": 1},
        [1, 2],
        5,
        {"return_value": {"ok": True}},
    ]
    assert [event["metadata"]["duration_ns"] for event in server.events] == [
        1500,
        1500,
        7,
        None,
        None,
        9,
    ]
    assert found[-1]["function_name"] == "f:return"


def test_lock_forms(server):
    with tracing(server) as client:
        client.track_lock_acquire("a")
        client.track_lock_release("a", "RWLock")
        client.track_lock_acquire("b", "RLock")
        client.track_lock_release("b")
        client.track_lock_release("c", "src/app.py")
        client.track_lock_release("d", "RWLock", "app.py:9")
    assert [(lock["lock_id"], lock["lock_type"]) for lock in kinds(server)] == [
        ("a", "Lock"),
        ("a", "RWLock"),
        ("b", "RLock"),
        ("b", "RLock"),
        ("c", "Lock"),
        ("d", "RWLock"),
    ]
    assert kinds(server)[4]["location"] == "src/app.py"
    assert kinds(server)[5]["location"] == "app.py:9"


def test_only_the_outermost_acquire_and_the_last_release_are_sent(server):
    with tracing(server) as client:
        client.track_lock_acquire("m", "RLock", "a:1")
        client.track_lock_acquire("m", "RLock", "a:2")
        client.track_state_change("x", 0, 1, "a:3", "Write")
        client.track_lock_release("m", "a:4")
        client.track_lock_release("m", "a:5")
    acquire, _, release = kinds(server, ["LockAcquire", "StateChange", "LockRelease"])
    assert (acquire["location"], release["location"]) == ("a:1", "a:5")
    assert [event["lock_set"] for event in server.events] == [["m"], ["m"], []]


def test_release_after_the_end_of_the_trace_is_not_lost(server):
    client = make_client(server)
    trace_id = client.start_trace()
    client.track_lock_acquire("m", "Lock", "a:1")
    client.end_trace()
    client.track_lock_release("m", "a:2")
    client.shutdown()
    kinds(server, ["LockAcquire", "LockRelease"])
    acquire, release = server.events
    assert release["trace_id"] == trace_id
    assert release["parent_id"] == acquire["id"]


def test_remaining_kinds(server):
    with tracing(server) as client:
        client.track_memory_fence("acq_rel", "a:1")
        client.track_database_query("SELECT 1", "sqlite", 1.2)
        client.track_database_result(3)
        client.track_custom("mine", {"a": 1})
    fence, query, result, custom = kinds(server)
    assert fence["ordering"] == "AcqRel"
    assert query["duration_ms"] == 2
    assert result == {"rows_affected": 3}
    assert custom == {"name": "mine", "data": {"a": 1}}


def test_async_ids_join_and_uuids_are_kept(server):
    given = str(uuid.uuid4())
    with tracing(server) as client:
        client.track_async_spawn("job", "n", "a:1")
        client.track_async_await("job", "a:2")
        client.track_async_spawn(given, "n", "a:1")
        client.track_async_await(uuid.UUID(given), "a:2")
    spawn, wait, spawn2, wait2 = kinds(server)
    assert spawn["task_id"] == wait["future_id"]
    assert spawn2["task_id"] == wait2["future_id"] == given


class Hostile:  # noqa: PLW1641 - it has a __hash__: one that raises
    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __len__ = __iter__ = __bool__ = __int__ = __float__ = __index__ = __hash__ = __repr__

    def __eq__(self, other):
        raise RuntimeError("no")

    def __getattr__(self, name):
        raise RuntimeError("no")


ODD = [
    None,
    5,
    -1,
    1.5,
    float("nan"),
    float("inf"),
    2**70,
    "",
    "\ud800",
    b"\xff",
    [],
    {},
    [1],
    object(),
    Hostile(),
]


@pytest.mark.parametrize("odd", ODD, ids=lambda v: type(v).__name__)
def test_no_argument_makes_a_call_raise_or_a_batch_refused(server, odd):
    calls = {
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
    }
    with tracing(server) as client:
        for name, count in calls.items():
            for position in range(count):
                arguments = ["app.py:1"] * count
                arguments[position] = odd
                assert getattr(client, name)(*arguments) is None
            assert getattr(client, name)(*[odd] * count) is None
        assert client.flush()
    assert len(server.events) > 40


def test_http_fields_are_coerced(server):
    with tracing(server) as client:
        client.track_http_response("200", {"a": 1, "b": ["x", "y"]}, None, 1.5)
        client.track_http_request(
            "GET", "/", {"Authorization": "Bearer s3cret", "cookie": "s3cret"}
        )
    response, request = kinds(server)
    assert response == {
        "status": 200,
        "headers": {"a": "1", "b": "x, y"},
        "body": None,
        "duration_ms": 2,
    }
    assert "s3cret" not in str(request)


def test_errors_take_text_lists_and_tracebacks(server):
    try:
        raise KeyError("x")
    except KeyError as error:
        caught = error
    with tracing(server) as client:
        client.track_error("E", "m")
        client.track_error("E", "m", "one\ntwo")
        client.track_error(KeyError, caught, caught.__traceback__)
    bare, text, traceback = kinds(server)
    assert bare["stack_trace"] == []
    assert text["stack_trace"] == ["one", "two"]
    assert traceback["error_type"] == "KeyError"
    assert traceback["stack_trace"][0].startswith(__file__)


def test_values_are_those_of_the_moment_of_the_call(server):
    basket = {"items": [1]}
    with tracing(server) as client:
        client.track_state_change("basket", None, basket, "a:1", "Write")
        basket["items"].append(2)
    assert kinds(server)[0]["new_value"] == {"items": [1]}


def test_traces_nest_and_an_unmatched_end_does_nothing(server):
    client = make_client(server)
    client.end_trace()
    outer = client.start_trace()
    inner = client.start_trace()
    client.track_custom("in")
    client.end_trace()
    client.track_custom("out")
    client.end_trace()
    client.end_trace()
    client.track_custom("nowhere")
    client.shutdown()
    assert [event["trace_id"] for event in server.events] == [inner, outer]
    assert uuid.UUID(inner) != uuid.UUID(outer)


def test_parents_come_first_and_chains_stay_short(server):
    with tracing(server, max_events_per_second=None, batch_size=500) as client:
        for number in range(4000):
            client.track_state_change("x", None, number, "a:1", "Write")
            if number % 2:
                client.track_async_await("f", "a:2")
    depth = {}
    for event in server.events:
        parent = event["parent_id"]
        depth[event["id"]] = 0 if parent is None else depth[parent] + 1  # KeyError: came too late
    assert len(depth) == 6000
    assert 1000 < max(depth.values()) < 2900


def test_actors_are_told_apart_and_tasks_know_what_was_before_them(server):
    async def worker(client):
        client.track_custom("task")
        await asyncio.sleep(0)
        client.track_custom("task again")

    async def main(client):
        client.track_custom("before")
        tasks = [asyncio.create_task(worker(client)) for _ in range(2)]
        client.track_custom("after")
        await asyncio.gather(*tasks)
        await asyncio.to_thread(client.track_custom, "thread")

    with tracing(server) as client:
        asyncio.run(main(client))
    events = {}
    for event in server.events:
        events.setdefault(event["kind"]["Custom"]["name"], []).append(event)
    [before], [after], [thread] = events["before"], events["after"], events["thread"]
    first = events["task"]
    assert [event["parent_id"] for event in first] == [before["id"]] * 2
    assert after["parent_id"] == before["id"]
    assert thread["parent_id"] == after["id"]
    again = {event["metadata"]["thread_id"]: event["parent_id"] for event in events["task again"]}
    assert again == {event["metadata"]["thread_id"]: event["id"] for event in first}
    assert len({e["metadata"]["thread_id"] for e in [before, thread, *first]}) == 4


def test_threads_are_never_confused_although_their_idents_are_reused(server):
    def work(client):
        client.start_trace()
        client.track_custom("x")
        client.end_trace()

    client = make_client(server)
    for _ in range(5):
        thread = threading.Thread(target=work, args=(client,))
        thread.start()
        thread.join()
    client.shutdown()
    assert len({event["metadata"]["thread_id"] for event in server.events}) == 5


def test_a_copied_context_does_not_invent_order(server):
    with tracing(server) as client:
        client.track_custom("root")
        copied = contextvars.copy_context()
        client.track_custom("here")
        copied.run(client.track_custom, "there")
    root, here, there = server.events
    assert here["parent_id"] == there["parent_id"] == root["id"]


def test_observers_hear_everything_even_without_a_trace(server):
    heard = []

    def broken(kind, fields):
        raise RuntimeError("observer")

    raceway.client.observers.append(broken)
    raceway.client.observers.append(lambda kind, fields: heard.append((kind, fields)))
    client = make_client(server)
    value = object()
    client.track_state_change("x", None, value, "Read")
    client.track_lock_acquire("m")
    client.track_lock_release("m")
    client.track_function_return("f", 1)
    client.shutdown()
    assert [kind for kind, _ in heard] == [
        "StateChange",
        "LockAcquire",
        "LockRelease",
        "FunctionReturn",
    ]
    assert heard[0][1]["new_value"] is value
    assert heard[0][1]["access_type"] == "Read"
    assert heard[0][1]["location"].startswith(__file__)
    assert server.events == []


def test_an_app_in_a_directory_named_raceway_has_locations(server, tmp_path):
    path = str(tmp_path / "raceway-shop" / "app.py")
    code = compile("client.track_state_change('x', 1, 2, 'Write')", path, "exec")
    with tracing(server) as client:
        exec(code, {"client": client, "__name__": "app"})
    assert kinds(server)[0]["location"] == f"{path}:1"


def test_config_must_be_a_config():
    with pytest.raises(UsageError, match="Config"):
        RacewayClient("http://localhost")
