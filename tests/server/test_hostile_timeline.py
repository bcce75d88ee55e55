"""Events that are accepted, whatever stands in their tags, can be analysed and shown."""

import json
import random

import pytest
from running_server import event

from raceway.model.findings import Report
from raceway.report.html_timeline import timeline_table
from raceway.report.run_timeline import Timeline
from raceway.report.run_trace import render_run_trace
from raceway.server.event_analysis import EventAnalysis
from raceway.server.event_reader import stored
from raceway.server.event_trace import trace_of_events
from raceway.server.places import SourceFolders

HUGE = "9" * 30
TRACES = [f"11111111-1111-4111-8111-11111111111{n}" for n in range(3)]
TAGS = {
    "raceway.position": ["5 5 0 1", "1 2 3 4", f"{HUGE} 1 1 1", f"1 1 1 {HUGE}", "-1 -1 -1 -1", "a b c d"],
    "raceway.after": ["1:5 5:2", f"5:{HUGE}", "5:-7", "1:", "x"],
    "raceway.retired": ["5", "1", HUGE, "x"],
    "raceway.frames": ["1\t2\t3\t4\t5\t6\t7\tf\tx.py", "\t" * 8, f"{HUGE}\t\t\t\t1\t1\t1\tf\tf", "x"],
    "raceway.task": ["5 5 thread", "9 5 task", f"{HUGE} 1 task", "x"],
    "raceway.variable": ["1 item 2", "1 x 2", f"{HUGE} attribute 0"],
    "http.span": ["s", "t"],
    "http.direction": ["in", "out", "x"],
}  # fmt: skip
KINDS = [
    *({"StateChange": {"variable": name, "old_value": None, "new_value": value, "location": place,
                       "access_type": kind}}
      for name in ("v", "v[1]", "\u202e<x>", "a" * 5000)
      for value, place in ((None, "app.py:1"), ("x" * 3000, ""), ([1], f"a:{HUGE}"))
      for kind in ("Read", "Write", "AtomicRMW")),
    *({name: {"lock_id": lock, "lock_type": "Mutex", "location": "a:1"}}
      for name in ("LockAcquire", "LockRelease") for lock in "mn"),
    {"AsyncSpawn": {"task_id": TRACES[0], "spawned_by": "a:1"}},
    {"AsyncAwait": {"future_id": TRACES[0], "awaited_at": "a:1"}},
    {"HttpRequest": {"method": "GET", "url": "/", "headers": {}}},
    {"HttpResponse": {"status": 200, "headers": {}, "duration_ms": 2**62}},
    {"Error": {"error_type": "E", "message": "m", "stack_trace": []}},
    {"DatabaseQuery": {"query": "q", "database": "d", "duration_ms": 2**62}},
    {"Custom": {"name": "n", "data": 1}},
    {"FunctionCall": {"function_name": "f", "module": "m", "args": None, "file": "f", "line": 1}},
]  # fmt: skip


def some_events(chance):
    """Return events with tags that fit together by accident only."""
    sent = []
    for _ in range(150):
        tags = {
            name: chance.choice(values) for name, values in TAGS.items() if chance.random() < 0.4
        }
        metadata = {"tags": tags, "instance_id": chance.choice(["a", "b", None])}
        one = event(
            chance.choice(KINDS), trace=chance.choice(TRACES), thread=chance.choice(["h:1", "h:2", ""]),
            at=chance.random() * 1500, metadata=metadata,
        )  # fmt: skip
        if sent and chance.random() < 0.5:
            one["parent_id"] = chance.choice(sent)["id"]
        sent.append(one)
    return [stored(json.dumps(one).encode()) for one in sent]


@pytest.mark.parametrize("seed", range(12))
def test_they_are_analysed_and_shown(seed):
    events = some_events(random.Random(seed))
    sources = SourceFolders(())
    analysis = EventAnalysis(sources, "/x")
    analysis.feed(events, 1e9)
    analysis.advance(float("inf"))
    assert analysis.waiting == 0
    findings, _ = analysis.findings()
    report = Report(findings=findings, run_trace=trace_of_events(events, sources))
    timeline = Timeline(report, "/x")
    document = timeline.document()
    assert document["events"]["at"] == sorted(document["events"]["at"])
    assert all(0 <= one < len(document["actors"]) for one in document["events"]["actor"])
    assert "<table>" in timeline_table(timeline)
    assert json.loads(render_run_trace(report, root="/x"))["traceEvents"]
