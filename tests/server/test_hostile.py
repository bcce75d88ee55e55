"""Whatever is posted: an answer, and never one that says that the server has failed."""

import copy
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_server import access

ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
HOSTILE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def post(server, body):
    return server.session.post(
        f"{server.url}/events", data=body, headers={"Content-Type": "application/json"}, timeout=30
    )


@HOSTILE
@given(body=st.binary(max_size=200) | ODD.map(lambda value: json.dumps(value).encode()))
def test_any_body(shared_server, body):
    assert post(shared_server, body).status_code in {200, 206, 400}


PATHS = [
    (), ("id",), ("trace_id",), ("parent_id",), ("timestamp",), ("kind",), ("metadata",),
    ("causality_vector",), ("lock_set",), ("kind", "StateChange"), ("metadata", "tags"),
    ("metadata", "thread_id"), ("metadata", "duration_ns"), ("metadata", "instance_id"),
    ("kind", "StateChange", "variable"), ("kind", "StateChange", "new_value"),
    ("kind", "StateChange", "location"), ("kind", "StateChange", "access_type"),
]  # fmt: skip


@HOSTILE
@given(path=st.sampled_from(PATHS), value=ODD)
def test_any_field(shared_server, path, value):
    changed = copy.deepcopy(access("x", "Write", 1))
    at = changed
    for name in path[:-1]:
        at = at[name]
    if path:
        at[path[-1]] = value
    else:
        changed = value
    body = json.dumps({"events": [changed, access("y", "Read", 1)]}).encode()
    answer = post(shared_server, body)
    assert answer.status_code in {200, 206, 400}, answer.text
    if answer.status_code != 400:
        assert answer.json()["data"].startswith(("Ingested 1 events, 1", "Ingested 2 events"))


TAGS = st.sampled_from(
    ["raceway.position", "raceway.after", "raceway.retired", "raceway.frames", "raceway.variable",
     "raceway.value", "raceway.task", "http.span", "http.direction", "operation", "sdk_language"]
)  # fmt: skip
TEXTS = st.sampled_from(["", "1 1 0 1", "1 2 3 4", "-1 0 0 0", "2:3 1:9", "1 item 2", "in", "read"])


@HOSTILE
@given(tags=st.dictionaries(TAGS, TEXTS | st.text(max_size=12), max_size=5))
def test_any_tags(shared_server, tags):
    changed = access("z", "Write", 1)
    changed["metadata"]["tags"] = tags | {
        "raceway.position": tags.get("raceway.position", "1 1 0 1")
    }
    body = json.dumps({"events": [changed]}).encode()
    assert post(shared_server, body).status_code in {200, 400}


def test_the_analysis_has_survived_all_that(shared_server):
    shared_server.post([access("last", "Write", 1, 1, thread="h:x")])
    shared_server.analysed()
    state = shared_server.data_of("/api/v1/system")
    assert state["analyser_running"] and state["analyser_restarts"] == 0
