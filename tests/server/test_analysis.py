"""What the server finds in events, and what it does not: through its API."""

import json
import subprocess
import sys
import uuid

import pytest
from running_server import ROOT, access, environment, event


def trace():
    return str(uuid.uuid4())


def lock(kind, name="m", **more):
    lock_type = more.pop("lock_type", "Lock")
    fields = {"lock_id": name, "lock_type": lock_type, "location": f"app.py:{more.pop('line', 3)}"}
    return event({f"Lock{kind}": fields}, **more)


def update(variable, thread, at, **more):
    """Read and write back, as one request."""
    more = {"trace": trace(), "thread": thread, **more}
    return [
        access(variable, "Read", 5, 100, at=at, **more),
        access(variable, "Write", 7, 90, at=at + 0.2, **more),
    ]


def overlapping(*requests):
    """Return the events of requests in the order of their times."""
    return sorted((one for request in requests for one in request), key=lambda e: e["timestamp"])


def found(server, variable):
    return [one for one in server.findings() if one["variable"] == variable]


def test_two_requests_that_overlap_lose_an_update(shared_server):
    name = "lost"
    events = overlapping(update(name, "h:w1", 1), update(name, "h:w2", 1.1))
    shared_server.post(events)

    (finding,) = found(shared_server, name)

    assert (finding["type"], finding["severity"], finding["certainty"]) == (
        "data-race", "critical", "observed",
    )  # fmt: skip
    assert {side["location"] for side in finding["accesses"]} == {"app.py:5", "app.py:7"}
    one = shared_server.data_of(f"/api/v1/findings/{finding['id']}")
    traces = {seen["trace"] for seen in one["sightings"]}
    assert traces <= {each["trace_id"] for each in events} and traces
    for trace_id in {each["trace_id"] for each in events} & traces:
        assert shared_server.data_of(f"/api/traces/{trace_id}")["findings"] == [finding["id"]]


def test_requests_one_after_the_other_are_only_predicted(shared_server):
    name = "in sequence"
    shared_server.post([*update(name, "h:w1", 1), *update(name, "h:w2", 5)])
    (finding,) = found(shared_server, name)
    assert finding["certainty"] == "predicted"
    assert "only the time" in finding["why"]


def test_one_thread_does_not_race_with_itself(shared_server):
    name = "one thread"
    shared_server.post([*update(name, "h:w9", 1), *update(name, "h:w9", 5)])
    assert found(shared_server, name) == []


def under_lock(name, thread, at, **more):
    shared = {"trace": trace(), "thread": thread}
    return [
        lock("Acquire", at=at, **shared, **more),
        *update(name, at=at + 0.01, **shared),
        lock("Release", at=at + 0.3, **shared, **more),
    ]


def test_a_common_lock_protects(shared_server):
    name = "locked"
    shared_server.post([*under_lock(name, "h:w1", 1), *under_lock(name, "h:w2", 2)])
    assert found(shared_server, name) == []


def test_a_lock_for_reading_protects_no_writer(shared_server):
    name = "read-locked"
    kind = {"lock_type": "RwLock-Read"}
    shared_server.post(
        overlapping(under_lock(name, "h:w1", 1, **kind), under_lock(name, "h:w2", 1.1, **kind))
    )
    assert [one["severity"] for one in found(shared_server, name)] == ["critical"]


def test_a_mutex_of_another_process_protects_nothing(shared_server):
    name = "two mutexes"
    other = [
        {**one, "metadata": {**one["metadata"], "instance_id": "host-2"}}
        for one in under_lock(name, "h2:w1", 1.1)
    ]
    shared_server.post(overlapping(under_lock(name, "h:w1", 1), other))
    (finding,) = found(shared_server, name)
    assert "one thing for all processes" in finding["why"]


def test_a_lock_of_a_database_is_one_for_all(shared_server):
    name = "advisory lock"
    kind = {"lock_type": "advisory"}
    other = [
        {**one, "metadata": {**one["metadata"], "instance_id": "host-2"}}
        for one in under_lock(name, "h2:w1", 1.5, **kind)
    ]
    shared_server.post([*under_lock(name, "h:w1", 1, **kind), *other])
    assert found(shared_server, name) == []


def test_lock_sets_count_too(shared_server):
    name = "lock set"
    both = overlapping(update(name, "h:w1", 1), update(name, "h:w2", 1.1))
    for one in both:
        one["lock_set"] = ["mutex-7"]
    shared_server.post(both)
    # Each access is under the lock; the pair is not.
    assert [one["type"] for one in found(shared_server, name)] in (["atomicity-violation"], [])


def test_atomic_accesses_do_not_race(shared_server):
    for number, kinds in enumerate([("AtomicWrite", "AtomicRead"), ("AtomicRMW", "AtomicRMW")]):
        events = [
            access(
                f"atomic {number}", kind, 4 + thread, 1, thread=f"h:a{thread}", at=1 + thread / 10
            )
            for thread, kind in enumerate(kinds)
        ]
        shared_server.post(events)
        assert found(shared_server, f"atomic {number}") == []
    plain = [
        access("half atomic", kind, 4 + thread, 1, thread=f"h:a{thread}", at=1 + thread / 10)
        for thread, kind in enumerate(("AtomicWrite", "Write"))
    ]
    shared_server.post(plain)
    assert found(shared_server, "half atomic")


def test_spawn_and_await_order(shared_server):
    name, task, common = "joined", trace(), {"trace": trace()}
    before = access(name, "Write", 1, 1, thread="h:main", at=1, **common)
    spawn = event(
        {"AsyncSpawn": {"task_id": task, "spawned_by": "app.py:2"}}, thread="h:main", at=1.1,
        parent_id=before["id"], **common,
    )  # fmt: skip
    child = access(name, "Write", 10, 2, thread="h:child", at=1.2, parent_id=spawn["id"], **common)
    join = event(
        {"AsyncAwait": {"future_id": task, "awaited_at": "app.py:3"}}, thread="h:main", at=1.3,
        parent_id=spawn["id"], **common,
    )  # fmt: skip
    after = access(name, "Write", 4, 3, thread="h:main", at=1.4, parent_id=join["id"], **common)
    shared_server.post([before, spawn, child, join, after])
    assert found(shared_server, name) == []

    early = access("not joined", "Write", 4, 3, thread="h:m2", at=1.25, trace=common["trace"])
    other = access("not joined", "Write", 10, 2, thread="h:c2", at=1.2, trace=common["trace"])
    shared_server.post([other, early])
    assert found(shared_server, "not joined")


def service(name, instance, span, upstream=None):
    return {
        "service_name": name, "instance_id": instance,
        "distributed_span_id": span, "upstream_span_id": upstream,
    }  # fmt: skip


@pytest.mark.parametrize("first", ["caller", "callee"])
def test_a_call_orders_two_services_whoever_is_heard_first(shared_server, first):
    name, common = f"row {first}", {"trace": trace()}
    gate = {
        **common,
        "thread": "g:1",
        "metadata": service("gate", f"g-{first}", "aaaaaaaaaaaaaaaa"),
    }
    ledger = {
        **common, "thread": "l:1",
        "metadata": service("ledger", f"l-{first}", "bbbbbbbbbbbbbbbb", "aaaaaaaaaaaaaaaa"),
    }  # fmt: skip
    gate_clock, ledger_clock = f"gate#g-{first}", f"ledger#l-{first}"
    clock = [[gate_clock, 2]]
    caller = [
        access(name, "Write", 1, 1, at=1, **gate, causality_vector=[[gate_clock, 1]]),
        access(name, "Write", 9, 3, at=2, **gate, causality_vector=[[gate_clock, 3]]),
    ]
    answer = {"HttpResponse": {"status": 200, "headers": {}, "duration_ms": 3}}
    callee = [
        access(name, "Write", 5, 2, at=1.2, **ledger, causality_vector=[*clock, [ledger_clock, 1]]),
        event(answer, at=1.4, **ledger, causality_vector=[*clock, [ledger_clock, 2]]),
    ]
    for batch in (caller, callee) if first == "caller" else (callee, caller):
        shared_server.post(batch)
    assert found(shared_server, name) == []
    calls = shared_server.data_of("/api/services/gate/dependencies")["calls_to"]
    assert [one["to"] for one in calls] == ["ledger"]


def test_without_a_call_two_services_race(shared_server):
    name = "unordered row"
    shared_server.post(
        [
            access(name, "Write", 1, 1, at=1, thread="g:2", metadata=service("gate", "g-1", "a1")),
            access(
                name, "Write", 5, 2, at=1.2, thread="l:2", metadata=service("ledger", "l-1", "b1")
            ),
        ]
    )
    (finding,) = found(shared_server, name)
    assert finding["services"] == ["gate", "ledger"]


def test_node_requests_take_turns(shared_server):
    """One thread, two traces: an update that another one comes into between."""
    name = "node"
    tags = {"metadata": {"tags": {"sdk_language": "javascript"}}}
    one = update(name, "node-1", 1, **tags)
    two = update(name, "node-1", 1.1, **tags)
    shared_server.post(overlapping(one, two))
    (finding,) = found(shared_server, name)
    assert finding["severity"] == "critical"
    calm = update("calm", "node-1", 1, **tags) + update("calm", "node-1", 2, **tags)
    shared_server.post(calm)
    assert found(shared_server, "calm") == []


def test_opposite_lock_orders(shared_server):
    def take(thread, first, second, at):
        shared = {"trace": trace(), "thread": thread}
        return [
            lock("Acquire", first, at=at, line=1, **shared),
            lock("Acquire", second, at=at + 0.1, line=2, **shared),
            lock("Release", second, at=at + 0.2, **shared),
            lock("Release", first, at=at + 0.3, **shared),
        ]

    shared_server.post([*take("h:o1", "left", "right", 1), *take("h:o2", "right", "left", 3)])
    inversions = [one for one in shared_server.findings() if one["type"] == "lock-order-inversion"]
    assert [[lock["name"] for lock in one["locks"]] for one in inversions] in (
        [["left", "right"]], [["right", "left"]],
    )  # fmt: skip
    locks = shared_server.data_of("/api/v1/locks")
    assert {(one["outside"].split()[-1], one["inside"].split()[-1]) for one in locks["order"]} >= {
        ("left", "right"), ("right", "left"),
    }  # fmt: skip


def test_restart_goes_on(tmp_path):
    from running_server import running

    with running(tmp_path / "data", cwd=tmp_path) as server:
        server.post(overlapping(update("x", "h:w1", 1), update("x", "h:w2", 1.1)))
        (before,) = found(server, "x")
        server.stop()
    with running(tmp_path / "data", cwd=tmp_path) as server:
        assert found(server, "x") == [before]
        server.post(update("x", "h:w3", 1.15))
        (after,) = found(server, "x")
        assert after["count"] > before["count"]


def raceway_run(server, tmp_path, *command):
    run = subprocess.run(
        [sys.executable, "-m", "raceway_autopatch.launcher", "--endpoint", server.url,
         "--service", "bank", sys.executable, *command],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run


def test_the_bank_loses_money_on_the_server_as_it_does_here(server, tmp_path):
    demo = str(ROOT / "examples" / "banking" / "demo.py")
    report = tmp_path / "report.json"
    subprocess.run(
        [sys.executable, "-m", "raceway_autopatch.launcher", "--report", str(report),
         sys.executable, demo],
        cwd=tmp_path, env=environment(), capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    here = json.loads(report.read_text())["findings"]

    raceway_run(server, tmp_path, demo)

    there = server.findings()
    assert {one["type"] for one in there} == {"atomicity-violation"}
    assert {one["severity"] for one in there} == {"critical"}
    assert {one["variable"] for one in there} == {one["variable"] for one in here}
    (sides,) = {tuple(side["function"] for side in one["accesses"][:3]) for one in there}
    assert set(sides) == {"create_app.<locals>.transfer"}
    (run,) = server.data_of("/api/v1/runs")["runs"]
    assert run["service"] == "bank" and run["language"] == "python"


@pytest.mark.slow
def test_the_fixed_bank_is_clean(server, tmp_path):
    raceway_run(server, tmp_path, str(ROOT / "examples" / "banking" / "demo.py"), "--fixed")
    assert server.findings() == []
    assert server.data_of("/status")["events_captured"] > 100
