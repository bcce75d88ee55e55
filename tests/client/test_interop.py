"""What the SDKs for Node, Go and Rust send and take, row by row, and a batch that a server has taken."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

import pytest
from wire_server import make_client, tracing, validate

from raceway import context
from raceway.context import TraceContext, format_headers, parse_headers

TRACE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
OTHER = "0af76519-16cd-43dd-8448-eb211c80319c"
DIGITS = TRACE.replace("-", "")
SPAN = "53995c3f42cd8ad8"
TRACEPARENT = f"00-{DIGITS}-{SPAN}-01"


def clock(encode=urlsafe_b64encode, *, padding=False, **changes):
    payload = {
        "trace_id": TRACE, "span_id": SPAN, "parent_span_id": "00f067aa0ba902b7",
        "service": "checkout", "instance": "web-1", "clock": [["checkout#web-1", 3]],
    } | changes  # fmt: skip
    text = payload["raw"] if "raw" in payload else json.dumps(payload, ensure_ascii=False)
    coded = encode(text.encode()).decode()
    return "v1;" + (coded if padding else coded.rstrip("="))


# Of the headers: trace id, whether the span is the caller's choice for us, upstream span, clock.
ADOPTED = (TRACE, True, "00f067aa0ba902b7", (("checkout#web-1", 3),))
CALLER_IS_NO_RACEWAY = (TRACE, False, SPAN, ())
ALONE = (None, False, None, ())
TOLERANCE = {
    "as documented": ({"traceparent": TRACEPARENT, "raceway-clock": clock()}, ADOPTED),
    "a clock without traceparent": ({"raceway-clock": clock()}, ADOPTED),
    "names in any case": ({"TRACEPARENT": TRACEPARENT, "Raceway-Clock": clock()}, ADOPTED),
    "a clock overrides traceparent": (
        {"traceparent": f"00-{OTHER.replace('-', '')}-{'1' * 16}-01", "raceway-clock": clock()},
        ADOPTED,
    ),
    "the keys in another order": (
        {"raceway-clock": clock(raw=json.dumps(
            {"clock": [["checkout#web-1", 3]], "instance": "web-1",
             "parent_span_id": "00f067aa0ba902b7", "service": "checkout", "span_id": SPAN,
             "trace_id": TRACE}))},
        ADOPTED,
    ),
    "base64 with padding": ({"raceway-clock": clock(padding=True)}, ADOPTED),
    "the standard alphabet": (
        {"raceway-clock": clock(b64encode, service="?>~ÿ")},
        ADOPTED,
    ),
    "flags 00": ({"traceparent": TRACEPARENT[:-1] + "0"}, CALLER_IS_NO_RACEWAY),
    "version 01": ({"traceparent": "01" + TRACEPARENT[2:]}, CALLER_IS_NO_RACEWAY),
    "upper case": ({"traceparent": TRACEPARENT.upper()}, CALLER_IS_NO_RACEWAY),
    "upper case in a clock": (
        {"raceway-clock": clock(trace_id=TRACE.upper(), span_id=SPAN.upper())}, ADOPTED,
    ),
    "a whole number as a float": ({"raceway-clock": clock(clock=[["checkout#web-1", 3.0]])}, ADOPTED),
    "entries that no server takes": (
        {"raceway-clock": clock(clock=[["a", -5], ["b", 2**70], ["c", "5"], ["checkout#web-1", 3]])},
        ADOPTED,
    ),
    "the first of several": (
        [("traceparent", TRACEPARENT), ("traceparent", f"00-{'1' * 32}-{'2' * 16}-01")],
        CALLER_IS_NO_RACEWAY,
    ),
    "three parts": ({"traceparent": TRACEPARENT[:-3]}, ALONE),
    "version ff": ({"traceparent": "ff" + TRACEPARENT[2:]}, ALONE),
    "zeros for an id": ({"traceparent": f"00-{'0' * 32}-{SPAN}-01"}, ALONE),
    "0x among the digits": ({"traceparent": TRACEPARENT.replace("7c9e", "0x9e")}, ALONE),
    "_ among the digits": ({"traceparent": TRACEPARENT.replace("7c9e", "7_9e")}, ALONE),
    "a trace that is no UUID": ({"raceway-clock": clock(trace_id="hello")}, ALONE),
    "a span that is a number": ({"raceway-clock": clock(span_id=7)}, ALONE),
    "a list": ({"raceway-clock": clock(raw="[]")}, ALONE),
    "a text": ({"raceway-clock": clock(raw='"x"')}, ALONE),
    "NaN": ({"raceway-clock": clock(raw="NaN")}, ALONE),
    "nested too deep": ({"raceway-clock": clock(raw="[" * 5000)}, ALONE),
    "another version": ({"raceway-clock": "v2" + clock()[2:]}, ALONE),
    "bad base64": ({"raceway-clock": "v1;%%%"}, ALONE),
    "bad UTF-8": ({"raceway-clock": "v1;" + urlsafe_b64encode(b"\xff\xfe").decode()}, ALONE),
    "infinite": ({"raceway-clock": clock(raw='{"clock":[["a",1e999]]}')}, ALONE),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLERANCE)
def test_what_is_taken(name):
    headers, (trace_id, adopts, upstream, entries) = TOLERANCE[name]
    trace = parse_headers(headers)
    assert trace.trace_id == trace_id or trace_id is None
    assert trace.trace_id not in (OTHER, "hello")
    assert (trace.span_id == SPAN) is adopts
    assert trace.upstream_span_id == upstream
    assert trace.clock("ledger#l-1") == (*entries, ("ledger#l-1", 0))


def test_an_own_component_that_comes_back_is_counted_on():
    trace = parse_headers({"raceway-clock": clock(clock=[["ledger#l-1", 9], ["a#b", 1]])})
    assert trace.clock("ledger#l-1") == (("ledger#l-1", 9), ("a#b", 1))
    assert trace.tick("ledger#l-1") == (("ledger#l-1", 10), ("a#b", 1))


def test_sending_counts_and_keeps_the_own_span():
    trace = TraceContext(TRACE, SPAN, None)
    for count in (1, 2):
        header = format_headers(trace, "a", "b")["raceway-clock"]
        digits = header.removeprefix("v1;")
        padded = digits + "=" * (-len(digits) % 4)
        import base64

        sent = json.loads(base64.urlsafe_b64decode(padded))
        assert sent["clock"] == [["a#b", count]]
        assert sent["parent_span_id"] == trace.span_id == SPAN


@pytest.mark.parametrize("flags", ["00", "01"])
def test_what_goes_out_is_sampled_and_keeps_the_state(server, flags):
    frame = context.begin(
        parse_headers({"traceparent": TRACEPARENT[:-2] + flags, "tracestate": "vendor=a1,b=2"})
    )
    headers = make_client(server).propagation_headers()
    context.leave(frame)
    assert headers["traceparent"].startswith(f"00-{DIGITS}-")
    assert headers["traceparent"].endswith("-01")
    assert headers["tracestate"] == "vendor=a1,b=2"


def test_events_are_marked_as_internal_for_the_middleware_of_node(server):
    with tracing(server) as client:
        client.track_custom("x")
    assert server.requests[0]["x-raceway-internal"] == "true"


# ---------------------------------------------------------------- a batch with every kind

EXAMPLE = json.loads(
    (Path(__file__).parent.parent / "server" / "example_batch.json").read_text("utf-8")
)["events"]
CALLS = {
    "HttpRequest": ("track_http_request", {"direction": "in"}),
    "HttpResponse": ("track_http_response", {"direction": "in"}),
    "FunctionCall": ("track_function_call", {}),
    "StateChange": ("track_state_change", {}),
    "LockAcquire": ("track_lock_acquire", {}),
    "LockRelease": ("track_lock_release", {}),
    "AsyncSpawn": ("track_async_spawn", {"spawned_by": "location"}),
    "AsyncAwait": ("track_async_await", {"awaited_at": "location"}),
    "Error": ("track_error", {}),
    "MemoryFence": ("track_memory_fence", {}),
    "DatabaseQuery": ("track_database_query", {}),
    "DatabaseResult": ("track_database_result", {}),
    "Custom": ("track_custom", {}),
}


def shape(value, free=()):
    """The keys and types of a value of JSON."""
    if isinstance(value, dict):
        return {key: "free" if key in free else shape(inner, free) for key, inner in value.items()}
    return type(value).__name__


def test_the_batch_that_a_server_has_taken_is_reproduced(server):
    validate(EXAMPLE)
    with tracing(server, service_name="bank", instance_id="host1-4711") as client:
        for event in EXAMPLE:
            [(kind, fields)] = event["kind"].items()
            method, more = CALLS[kind]
            names = {key: name for key, name in more.items() if key in fields}
            given = {names.get(key, key): value for key, value in fields.items()}
            given |= {key: value for key, value in more.items() if key not in fields}
            getattr(client, method)(**given)
    assert [event["kind"] for event in server.events] == [event["kind"] for event in EXAMPLE]
    for ours, theirs in zip(server.events, EXAMPLE, strict=True):
        free = ["kind", "tags", "duration_ns"]
        assert shape(ours, free) == shape(theirs, free)
        # Ours says the duration of a query in nanoseconds, too.
        assert theirs["metadata"]["duration_ns"] in (None, ours["metadata"]["duration_ns"])
        assert ours["metadata"]["tags"].items() >= theirs["metadata"]["tags"].items()
        names = ("service_name", "instance_id", "environment")
        assert [ours["metadata"][name] for name in names] == [
            theirs["metadata"][name] for name in names
        ]
        # The own component, and one more that only this trace has.
        assert ours["causality_vector"][0] == theirs["causality_vector"][0]
    chain = [event["id"] for event in server.events]
    assert [event["parent_id"] for event in server.events][:2] == [None, chain[0]]
    held = [event["lock_set"] for event in server.events if "StateChange" in event["kind"]]
    assert held == [event["lock_set"] for event in EXAMPLE if "StateChange" in event["kind"]]
