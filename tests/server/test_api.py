"""The API: every route of the document is there and answers, and says what is so."""

import json
import uuid

import pytest
from running_server import access, event

NOBODY = "7c9e6679-7425-40de-944b-e07fc1f90ae9"


def request(span, upstream=None, *, name="gate", at=0.0, trace=None, **more):
    metadata = {
        "service_name": name, "instance_id": f"{name}-1",
        "distributed_span_id": span, "upstream_span_id": upstream,
    }  # fmt: skip
    return event(
        more.pop("kind"), at=at, trace=trace, thread=f"{name}:1", metadata=metadata, **more
    )


@pytest.fixture(scope="module")
def trace(shared_server):
    """A request of one service that calls another one."""
    trace_id = str(uuid.uuid4())
    call = {"HttpRequest": {"method": "GET", "url": "/a", "headers": {}}}
    work = {
        "FunctionCall": {
            "function_name": "work",
            "module": "m",
            "args": None,
            "file": "a.py",
            "line": 3,
        }
    }
    done = {"HttpResponse": {"status": 200, "headers": {}, "duration_ms": 400}}
    events = [
        request("a" * 16, at=10, trace=trace_id, kind=call),
        request("b" * 16, "a" * 16, name="ledger", at=10.1, trace=trace_id, kind=call),
        request("b" * 16, "a" * 16, name="ledger", at=10.2, trace=trace_id, kind=work),
        request("b" * 16, "a" * 16, name="ledger", at=10.3, trace=trace_id, kind=done),
        request("a" * 16, at=10.9, trace=trace_id, kind=done),
    ]
    assert shared_server.post(events).status_code == 200
    shared_server.analysed()
    return trace_id


def test_a_trace(shared_server, trace):
    found = shared_server.data_of(f"/api/traces/{trace}")
    assert [len(found["events"]), found["audit_trails"], found["findings"]] == [5, {}, []]
    assert found["dependencies"]["dependencies"] == [
        {"from": "gate", "to": "ledger", "call_count": 1}
    ]
    assert found["dependencies"]["services"] == [
        {"name": "gate", "event_count": 2}, {"name": "ledger", "event_count": 3},
    ]  # fmt: skip
    path = shared_server.data_of(f"/api/traces/{trace}/critical-path")
    assert path["trace_total_duration_ms"] == 1300
    assert [step["kind"] for step in path["path"]] == [
        "HttpRequest(GET /a)", "HttpResponse(200)",
    ]  # fmt: skip
    assert path["percentage_of_total"] == 100


def test_lists(shared_server, trace):
    page = shared_server.data_of("/api/traces?page_size=1000&min_events=5")
    assert trace in {one["trace_id"] for one in page["traces"]}
    assert all(one["event_count"] >= 5 for one in page["traces"])
    assert {"gate", "ledger"} <= {
        one["name"] for one in shared_server.data_of("/api/services")["services"]
    }
    edges = shared_server.data_of("/api/distributed/edges")["edges"]
    assert {
        "from_service": "gate", "to_service": "ledger", "link_type": "HttpCall", "call_count": 1,
    } in edges  # fmt: skip
    own = shared_server.data_of("/api/services/ledger/traces")
    assert [one["trace_id"] for one in own["traces"]] == [trace]
    assert shared_server.data_of("/api/services/health?time_window_minutes=999999999")
    slow = shared_server.data_of("/api/performance/metrics")["event_performance"]["slow_operations"]
    assert {one["type"] for one in slow} == {"HttpResponse(200)"}


def test_an_operation_that_took_long_is_unusual(shared_server):
    trace_id = str(uuid.uuid4())
    work = {
        "FunctionCall": {
            "function_name": "work",
            "module": "m",
            "args": 1,
            "file": "a.py",
            "line": 3,
        }
    }
    durations = [1_000_000, 1_100_000, 900_000, 1_050_000, 950_000, 9_000_000]
    events = [
        event(work, trace=trace_id, at=20 + number / 100, metadata={"duration_ns": duration})
        for number, duration in enumerate(durations)
    ]
    shared_server.post(events)
    found = shared_server.data_of(f"/api/traces/{trace_id}/anomalies")
    (one,) = found["anomalies"]
    assert (one["event_id"], one["severity"], found["anomaly_count"]) == (
        events[-1]["id"],
        "Critical",
        1,
    )
    assert one["actual_duration_ms"] == 9 and one["expected_duration_ms"] == 1


def test_an_audit_trail(shared_server):
    trace_id = str(uuid.uuid4())
    events = [
        access("a/b c", kind, line, value, trace=trace_id, thread=f"h:t{line}", at=30 + line / 10)
        for line, (kind, value) in enumerate([("Write", 1), ("Read", {"deep": [1]}), ("Write", 3)])
    ]
    events[1]["parent_id"] = events[0]["id"]
    shared_server.post(events)
    shared_server.analysed()
    found = shared_server.data_of(f"/api/traces/{trace_id}/audit-trail/a%2Fb%20c")
    assert [one["new_value"] for one in found["accesses"]] == [1, {"deep": [1]}, 3]
    assert [one["has_causal_link_to_previous"] for one in found["accesses"]] == [False, True, False]
    assert shared_server.get(f"/api/traces/{trace_id}/audit-trail/nothing").status_code == 404
    (variable,) = shared_server.data_of("/api/v1/variables?name=a%2Fb%20c")["variables"]
    assert (variable["reads"], variable["writes"], variable["actors"]) == (1, 2, 3)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/traces/x", 400),
        (f"/api/traces/{NOBODY}", 404),
        (f"/api/traces/{NOBODY}/critical-path", 404),
        (f"/api/traces/{NOBODY}/anomalies", 200),
        ("/api/traces?page_size=0", 400),
        ("/api/traces?page=x", 400),
        ("/api/traces?page=99999", 200),
        ("/api/v1/findings/RW-0", 404),
        ("/api/v1/runs/compare?before=a&after=b", 404),
        ("/api/v1/findings?q=%00%ff%27%22", 200),
        ("/nowhere", 404),
    ],
)
def test_odd_requests(shared_server, path, status):
    answer = shared_server.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"success", "data", "error"}


def test_a_status_changes_and_stays(server):
    for thread in ("h:1", "h:2"):
        server.post([access("x", "Write", 5, thread, thread=thread)])
    (finding,) = server.findings()
    url = f"{server.url}/api/v1/findings/{finding['id']}/status"
    post = server.session.post
    assert post(url, json={"status": "suppressed"}).status_code == 400
    assert post(url, json={"status": "odd"}).status_code == 400
    changed = post(url, json={"status": "suppressed", "reason": "by design"}).json()["data"]
    assert (changed["status"], changed["reason"]) == ("suppressed", "by design")
    server.post([access("x", "Write", 5, 1, thread="h:3")])
    (after,) = server.findings()
    assert after["status"] == "suppressed"
    assert server.data_of("/api/v1/findings?status=open")["findings"] == []
    assert server.data_of("/api/distributed/global-races")["total_races"] == 0


def test_the_document_is_the_router(shared_server):
    from raceway.server.openapi import describe
    from raceway.server.options import ServerOptions

    document = shared_server.get("/openapi.json").json()
    from raceway.server.context import ServerContext
    from raceway.server.routes import all_routes

    routes = all_routes(ServerContext(ServerOptions(data=shared_server.data)))
    paths = {
        (route.path.replace(":path}", "}"), method.lower())
        for route in routes
        for method in getattr(route, "methods", None) or ()
        if method != "HEAD" and not getattr(route, "name", "").startswith("page_")
    }
    told = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert told == paths
    assert describe(routes)["components"]["schemas"]["Event"]["required"]
    # Every one answers, and none fails.
    for path, methods in document["paths"].items():
        if "get" in methods and path != "/live":
            answer = shared_server.get(path.replace("{trace_id}", str(uuid.uuid4())))
            assert answer.status_code < 500, (path, answer.text)


def test_live_tells_of_a_finding(server):
    with server.get("/live", stream=True) as stream:
        lines = stream.iter_lines()

        def following(kind):
            """Return what comes with the next event of a kind."""
            next(line for line in lines if line == b"event: " + kind)
            return next(line for line in lines if line.startswith(b"data: "))

        found, stored = following(b"change"), following(b"stored")
        for thread in ("h:1", "h:2"):
            server.post([access("x", "Write", 5, thread, thread=thread)])
        assert following(b"change") != found
        assert following(b"stored") != stored


def test_metrics(shared_server):
    text = shared_server.get("/metrics").text
    assert "raceway_events_ingested_total" in text and "raceway_events_waiting 0.0" in text
    assert json.loads(shared_server.get("/health").text)["data"]["ready"] is True
