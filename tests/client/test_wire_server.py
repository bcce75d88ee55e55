"""The validator itself: it refuses what a Raceway server refuses."""

from __future__ import annotations

import copy

import pytest
from wire_server import Refused, parse, validate

GOOD = {
    "id": "00000001-0000-4000-8000-000000000001",
    "trace_id": "5f0c2a9e3b1d4e578a609d2c7e41b3f8",
    "parent_id": None,
    "timestamp": "2026-01-15T09:30:00.000120+00:00",
    "kind": {
        "StateChange": {"variable": "x", "new_value": 1, "location": "a:1", "access_type": "Read"}
    },
    "metadata": {
        "thread_id": "t",
        "process_id": 1,
        "service_name": "s",
        "environment": "e",
        "tags": {},
    },
    "causality_vector": [["s#i", 1]],
    "lock_set": [],
}


def changed(path, value):
    event = copy.deepcopy(GOOD)
    *way, last = path
    target = event
    for step in way:
        target = target[step]
    target[last] = value
    return event


def test_good_event_is_accepted():
    validate([GOOD])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["id"], "task-123"),
        (["parent_id"], ""),
        (["timestamp"], "2026-01-15T09:30:00"),
        (["timestamp"], "2026-01-15T24:00:00Z"),
        (["kind"], {"FunctionReturn": {}}),
        (["kind"], {"HTTPRequest": {}}),
        (["kind"], {}),
        (["kind"], "StateChange"),
        (["kind", "StateChange", "access_type"], "read"),
        (["kind"], {"LockRelease": {"lock_id": "x", "location": "y"}}),
        (["kind"], {"Error": {"error_type": "E", "message": "m", "stack_trace": None}}),
        (["kind"], {"HttpResponse": {"status": 200, "headers": {}, "duration_ms": 1.5}}),
        (["kind"], {"HttpResponse": {"status": "200", "headers": {}, "duration_ms": 1}}),
        (["kind"], {"HttpRequest": {"method": "GET", "url": "/", "headers": {"a": 1}}}),
        (["kind"], {"AsyncSpawn": {"task_id": "task-123", "spawned_by": "x"}}),
        (["metadata", "thread_id"], 5),
        (["metadata", "process_id"], 2**32),
        (["metadata", "tags"], {"a": None}),
        (["metadata", "duration_ns"], 5.0),
        (["causality_vector"], [["a", -1]]),
        (["causality_vector"], [["a", 2**64]]),
        (["causality_vector"], {}),
        (["lock_set"], None),
    ],
)
def test_bad_event_is_refused_by_index(path, value):
    with pytest.raises(Refused, match=r"events\[1\]"):
        validate([GOOD, changed(path, value)])


@pytest.mark.parametrize(
    "body",
    [b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"a": 1, "a": 2}', b"[" * 128 + b"]" * 128, b"\xff"],
)
def test_bad_json_is_refused(body):
    with pytest.raises(ValueError):
        parse(body)
