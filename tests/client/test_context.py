"""Propagation headers: the documented example to the byte, and everything that is wrong with them."""

from __future__ import annotations

import asyncio
import json
import os
import random
import string
import subprocess
import sys
import threading
import uuid
from base64 import urlsafe_b64encode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire_server import is_uuid, make_client

from raceway import context
from raceway.context import TraceContext, format_headers, parse_headers

TRACE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
TRACEPARENT = "00-7c9e6679742540de944be07fc1f90ae7-53995c3f42cd8ad8-01"
CLOCK = (
    "v1;eyJ0cmFjZV9pZCI6IjdjOWU2Njc5LTc0MjUtNDBkZS05NDRiLWUwN2ZjMWY5MGFlNyIsInNwYW5faWQiOiI1Mzk5NWM"
    "zZjQyY2Q4YWQ4IiwicGFyZW50X3NwYW5faWQiOiIwMGYwNjdhYTBiYTkwMmI3Iiwic2VydmljZSI6ImNoZWNrb3V0IiwiaW"
    "5zdGFuY2UiOiJ3ZWItMSIsImNsb2NrIjpbWyJnYXRld2F5I2d3LTEiLDRdLFsiY2hlY2tvdXQjd2ViLTEiLDNdXX0"
)
HEADERS = {"traceparent": TRACEPARENT, "tracestate": "vendor=a1", "raceway-clock": CLOCK}


def encoded(payload) -> str:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return "v1;" + urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decoded(header):
    digits = header.removeprefix("v1;").replace("-", "+").replace("_", "/")
    import base64

    return json.loads(base64.b64decode(digits + "=" * (-len(digits) % 4)))


def payload(**changes):
    base = {"trace_id": TRACE, "span_id": "a" * 16, "parent_span_id": "b" * 16, "clock": []}
    return {**base, **changes}


def test_sending_gives_the_documented_bytes(monkeypatch):
    monkeypatch.setattr(context, "new_span_id", lambda: "53995c3f42cd8ad8")
    trace = TraceContext(
        TRACE, "00f067aa0ba902b7", None, "vendor=a1", (("gateway#gw-1", 4), ("checkout#web-1", 2))
    )
    assert format_headers(trace, "checkout", "web-1") == HEADERS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_ids_are_nobody_elses():
    """Neither those of a forked child nor those after the program has seeded its own generator."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, (context.new_span_id() + context.new_trace_id()).encode())
        os._exit(0)
    own = context.new_span_id(), context.new_trace_id()
    os.waitpid(pid, 0)
    theirs = os.read(reader, 100).decode()
    os.close(reader)
    os.close(writer)
    seeded = []
    for _ in range(2):
        random.seed(1)
        seeded += [context.new_span_id(), random.random()]

    assert theirs[:16] != own[0] and theirs[16:] != own[1]
    assert seeded[0] != seeded[2] and seeded[1] == seeded[3]
    ids = [uuid.UUID(context.new_trace_id()) for _ in range(200)]
    assert len({*ids}) == 200
    assert {(one.version, one.variant) for one in ids} == {(4, uuid.RFC_4122)}


def test_receiving_the_documented_bytes(monkeypatch, server):
    trace = parse_headers({name.title(): value for name, value in HEADERS.items()})
    assert (trace.trace_id, trace.span_id) == (TRACE, "53995c3f42cd8ad8")
    assert (trace.upstream_span_id, trace.tracestate) == ("00f067aa0ba902b7", "vendor=a1")
    assert trace.clock("ledger#l-1") == (
        ("gateway#gw-1", 4),
        ("checkout#web-1", 3),
        ("ledger#l-1", 0),
    )
    client = make_client(server, service_name="ledger", instance_id="l-1")
    context.begin(trace)
    client.track_custom("first")
    headers = client.propagation_headers({"x-service-name": "payments", "TraceParent": "mine"})
    client.shutdown()

    [event] = server.events
    vector = [["gateway#gw-1", 4], ["checkout#web-1", 3], ["ledger#l-1", 1]]
    # The component that only this trace has comes last.
    assert event["causality_vector"] == [*vector, [TRACE, 1]]
    assert event["metadata"]["distributed_span_id"] == "53995c3f42cd8ad8"
    assert event["metadata"]["upstream_span_id"] == "00f067aa0ba902b7"
    assert event["parent_id"] is None
    assert sorted(headers) == ["raceway-clock", "traceparent", "tracestate", "x-service-name"]
    sent = decoded(headers["raceway-clock"])
    assert list(sent) == ["trace_id", "span_id", "parent_span_id", "service", "instance", "clock"]
    assert sent["clock"] == [["gateway#gw-1", 4], ["checkout#web-1", 3], ["ledger#l-1", 2]]
    assert sent["parent_span_id"] == "53995c3f42cd8ad8"
    assert headers["traceparent"] == f"00-{TRACE.replace('-', '')}-{sent['span_id']}-01"
    assert headers["tracestate"] == "vendor=a1"


# As the other SDKs write it: Go and Rust with the keys in alphabetical order, and all but Python
# with letters as UTF-8.
PAYLOADS = {
    "Python": '{"trace_id":"%s","span_id":"53995c3f42cd8ad8","parent_span_id":"00f067aa0ba902b7",'
    '"service":"kass\\u00e9","instance":"w","clock":[["gateway#gw-1",4],["kass\\u00e9#w",3]]}',
    "Node": '{"trace_id":"%s","span_id":"53995c3f42cd8ad8","parent_span_id":"00f067aa0ba902b7",'
    '"service":"kassé","instance":"w","clock":[["gateway#gw-1",4],["kassé#w",3]]}',
    "Go, Rust": '{"clock":[["gateway#gw-1",4],["kassé#w",3]],"instance":"w",'
    '"parent_span_id":"00f067aa0ba902b7","service":"kassé","span_id":"53995c3f42cd8ad8",'
    '"trace_id":"%s"}',
}


@pytest.mark.parametrize("sdk", PAYLOADS)
def test_what_the_other_sdks_send(sdk):
    trace = parse_headers(
        {"Traceparent": TRACEPARENT, "Raceway-Clock": encoded(PAYLOADS[sdk] % TRACE)}
    )
    assert (trace.trace_id, trace.span_id) == (TRACE, "53995c3f42cd8ad8")
    assert trace.upstream_span_id == "00f067aa0ba902b7"
    assert trace.clock("l#1") == (("gateway#gw-1", 4), ("kassé#w", 3), ("l#1", 0))
    # Go takes no padding and only the alphabet for URLs; whole numbers, and text for all ids.
    header = format_headers(trace, "ß" * 3, "?>")["raceway-clock"]
    assert not set("=+/") & set(header)
    sent = decoded(header)
    assert all(isinstance(sent[name], str) for name in sent if name != "clock")
    assert sent["clock"][-1] == ["ßßß#?>", 1]


def test_each_call_has_its_own_span(server):
    client = make_client(server)
    client.start_trace()
    first, second = client.propagation_headers(), client.propagation_headers()
    assert first["traceparent"] != second["traceparent"]
    assert [decoded(h["raceway-clock"])["clock"][0][1] for h in (first, second)] == [1, 2]


def test_outside_a_trace(server):
    with pytest.raises(RuntimeError, match="called outside of an active context"):
        make_client(server).propagation_headers()


def test_traceparent_alone_makes_the_callers_span_the_upstream_one():
    trace = parse_headers([(b"traceparent", TRACEPARENT.encode())])
    assert trace.trace_id == TRACE
    assert trace.upstream_span_id == "53995c3f42cd8ad8"
    assert trace.span_id != "53995c3f42cd8ad8"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        TRACEPARENT + "-00",
        "ff" + TRACEPARENT[2:],
        "0x" + TRACEPARENT[2:],
        TRACEPARENT.replace("7c9e", "0x7c"),
        TRACEPARENT.replace("7c9e", "7_9e"),
        TRACEPARENT.replace("7c9e", "\uff17c9e"),
        f"00-{'0' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'0' * 16}-01",
        TRACEPARENT[:-1],
        TRACEPARENT[:-1] + "g",
        TRACEPARENT.replace("-", "_"),
        TRACEPARENT + "," + TRACEPARENT,
        TRACEPARENT + " " * 10_000,
    ],
)
def test_bad_traceparent_is_as_if_absent(header):
    trace = parse_headers({"traceparent": header, "tracestate": "v=1"})
    assert trace.trace_id != TRACE
    assert trace.upstream_span_id is None
    assert trace.tracestate == "v=1"


@pytest.mark.parametrize(
    "header", [TRACEPARENT.upper(), "01" + TRACEPARENT[2:] + "-more", f" {TRACEPARENT} "]
)
def test_tolerated_traceparent(header):
    assert parse_headers({"traceparent": header}).trace_id == TRACE


@pytest.mark.parametrize(
    "header",
    [
        "v2" + CLOCK[2:],
        CLOCK[3:],
        "v1;",
        "v1;!!!",
        "v1;" + urlsafe_b64encode(b"\xff\xfe").decode(),
        encoded("[]"),
        encoded('"x"'),
        encoded("NaN"),
        encoded("{"),
        encoded("[" * 5000),
        encoded(payload(trace_id="hello")),
        encoded(payload(trace_id=None)),
        encoded(payload(trace_id="0" * 32)),
        encoded(payload(trace_id=TRACE.replace("-", "_"))),
        encoded(payload(span_id=7)),
        encoded(payload(span_id="A" * 15)),
        encoded(payload(span_id="0x53995c3f42cd8a")),
        encoded(payload(parent_span_id="nope")),
        encoded(payload(parent_span_id=5)),
        encoded(payload(clock={})),
        encoded(payload(clock=5)),
        encoded(payload(filler="x" * 9000)),
    ],
)
def test_bad_clock_is_as_if_absent(header):
    trace = parse_headers({"traceparent": TRACEPARENT, "raceway-clock": header})
    assert trace.trace_id == TRACE  # that of traceparent
    assert trace.upstream_span_id == "53995c3f42cd8ad8"
    assert trace.clock("s#i") == (("s#i", 0),)


def test_tolerated_clocks():
    assert parse_headers({"raceway-clock": CLOCK + "=="}).trace_id == TRACE
    trace = parse_headers({"raceway-clock": encoded(payload(clock=None, parent_span_id=None))})
    assert (trace.trace_id, trace.upstream_span_id) == (TRACE, None)
    upper = parse_headers(
        {"raceway-clock": encoded(payload(trace_id=TRACE.upper(), span_id="A" * 16))}
    )
    assert (upper.trace_id, upper.span_id) == (TRACE, "a" * 16)


def test_bad_entries_of_a_clock_are_dropped():
    entries = [
        ["a", 1],
        ["b", 5.0],
        ["c", -5],
        ["d", 2**70],
        ["e", "5"],
        ["f", True],
        ["g", 1.5],
        ["h"],
        "i",
        [7, 1],
        ["\ud800", 1],
        ["", 1],
        ["x" * 300, 1],
        ["a", 3],
        ["u", 2**64 - 1],
    ]
    header = encoded(payload(clock=entries))
    trace = parse_headers({"raceway-clock": header})
    assert trace.clock("own") == (("a", 3), ("b", 5), ("u", 2**64 - 1), ("own", 0))
    assert trace.tick("u")[2] == ("u", 2**64 - 1)  # counting on must not leave 64 bits


def test_components_are_capped_and_outgoing_headers_fit():
    long = [[f"service-{number}-" + "é" * 20, number] for number in range(100)]
    trace = parse_headers({"raceway-clock": encoded(payload(clock=long))})
    short = [[f"s{number}", number] for number in range(200)]
    capped = parse_headers({"raceway-clock": encoded(payload(clock=short))})
    assert len(capped.clock("own")) == context.MAX_COMPONENTS + 1
    for each in (trace, capped, TraceContext(clock=tuple((f"{n}" * 80, n) for n in range(99)))):
        header = format_headers(each, "own", "i")["raceway-clock"]
        assert len(header) <= context.MAX_HEADER_LENGTH
        assert ["own#i", 1] in decoded(header)["clock"]
    assert set(format_headers(TraceContext(), "s" * 9000, "i")) == {"traceparent"}


@pytest.mark.parametrize("at", [0, 50, 199])
def test_of_too_many_components_that_of_the_sender_is_kept(at):
    clock = [[f"s{number}#i", number] for number in range(200)]
    header = encoded(payload(service=f"s{at}", instance="i", clock=clock))
    kept = parse_headers({"raceway-clock": header}).clock("own")
    assert len(kept) == context.MAX_COMPONENTS + 1
    assert (f"s{at}#i", at) in kept
    assert ("s198#i", 198) in kept  # of services that are near


def test_along_two_hundred_services_each_knows_the_one_before():
    trace = TraceContext()
    for hop in range(200):
        trace = parse_headers(format_headers(trace, f"hop{hop}", "i"))
        assert dict(trace.clock("own"))[f"hop{hop}#i"] == 1


@pytest.mark.parametrize("value", ["a=1\r\nX-Evil: 1", "a=é", "", "  ", "a" * 9000, "a\x00"])
def test_tracestate_cannot_smuggle_headers(value):
    assert parse_headers({"tracestate": value}).tracestate is None


def test_several_tracestates_are_joined():
    assert parse_headers([("tracestate", "a=1"), ("tracestate", "b=2")]).tracestate == "a=1,b=2"


def valid(trace):
    assert is_uuid(trace.trace_id)
    assert len(trace.span_id) == 16
    assert set(trace.span_id) <= set("0123456789abcdef")
    assert trace.upstream_span_id is None or set(trace.upstream_span_id) <= set("0123456789abcdef")
    for name, number in trace.tick("s#i"):
        assert name.encode()
        assert 0 <= number < 2**64
    headers = format_headers(trace, "s", "i")
    for value in headers.values():
        assert value.isascii()
        assert "\n" not in value
    assert parse_headers(headers).trace_id == trace.trace_id


# The same examples each time, however busy the machine is.
steady = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)

near = st.text(alphabet=string.hexdigits + "-_x;v1 \r\n=é", max_size=80)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)
clocks = st.fixed_dictionaries(
    {},
    optional={
        "trace_id": st.just(TRACE) | json_values,
        "span_id": st.just("a" * 16) | json_values,
        "parent_span_id": st.just("b" * 16) | json_values,
        "clock": st.lists(st.tuples(st.text(max_size=5), st.integers() | st.floats()).map(list))
        | json_values,
    },
).map(encoded)


@steady
@given(
    st.dictionaries(
        st.sampled_from(["traceparent", "tracestate", "raceway-clock"]), near | st.text()
    )
)
def test_any_header_gives_a_valid_context(headers):
    valid(parse_headers(headers))


@steady
@given(clocks)
def test_any_payload_gives_a_valid_context(header):
    valid(parse_headers({"raceway-clock": header}))


@steady
@given(
    st.lists(st.tuples(st.binary() | st.text() | st.integers(), st.binary() | st.none()))
    | st.none()
    | st.integers()
)
def test_anything_else_gives_a_valid_context(headers):
    valid(parse_headers(headers))


def test_threads_have_their_own_trace_and_tasks_inherit():
    trace = TraceContext()
    seen = []
    context.begin(trace)
    thread = threading.Thread(target=lambda: seen.append(context.current()))
    thread.start()
    thread.join()

    async def child():
        seen.append(context.current())
        context.begin(TraceContext())

    async def main():
        await asyncio.create_task(child())
        seen.append(context.current())

    asyncio.run(main())
    assert seen == [None, trace, trace]


def test_counting_from_several_threads_loses_nothing():
    trace = TraceContext()
    numbers = []
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for _ in range(500):
            numbers.append(trace.tick("s#i")[0][1])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 2001))


def test_another_instance_of_the_same_trace_keeps_the_count_of_the_first():
    trace = TraceContext(clock=(("up#1", 7),))
    trace.tick("s#parent")
    assert trace.tick("s#child") == (("up#1", 7), ("s#parent", 1), ("s#child", 1))


def test_importing_is_cheap():
    program = (
        "import sys; import raceway.context, raceway.client, raceway.middleware;"
        "print([m for m in ('requests', 'http.client', 'ssl', 'socket', 'logging', 'asyncio',"
        "'uuid', 'email', 'threading') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
