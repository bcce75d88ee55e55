"""What the server's analysis does in C against the Python code that it stands for."""

import json
import os
import random
from dataclasses import astuple
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import msgspec
import pytest
from described import Names
from hypothesis import given, settings
from hypothesis import strategies as st

from raceway.engine.analyzer import Analyzer
from raceway.pipeline import replay
from raceway.pipeline.sections import told_by
from raceway.server import event_decoding, event_replay, evidence, sdk_events
from raceway.server.event_analysis import EventAnalysis, Observer
from raceway.server.findings_store import FindingsStore
from raceway.server.observations import Observations
from raceway.server.places import SourceFolders
from raceway.server.wire import Refused, nanoseconds

EXAMPLES = int(os.environ.get("RACEWAY_ORACLE_EXAMPLES", "0"))
BEGIN = nanoseconds("2024-05-06T07:08:00+00:00") // 1_000_000_000

pytestmark = pytest.mark.skipif(
    replay.compiled is None, reason="the extension was not built, or RACEWAY_PURE_PYTHON is set"
)

IN_PYTHON = (
    (sdk_events, "compiled", None),
    (sdk_events, "message_of", told_by),
    (event_decoding, "_events_of", event_decoding.events_of),
    (event_replay, "stamp", replay._stamp),
    (event_replay, "message", told_by),
    (evidence, "analyse", Analyzer.access),
    (evidence, "remember", Analyzer.remember),
)

VALUES = (None, 0, 7, -3, 2**70, True, 0.5, "a text", "long " * 40, [1], {"a": 1})
KINDS = ("Read", "Read", "Read", "Write", "Write", "Write", "AtomicRMW", "AtomicRead")
TIMES = ("+00:00", "+00:00", "+00:00", "Z", "+02:00")


class History:
    """Random events of a few processes: mostly what is usual, in between what is not."""

    def __init__(self, seed: int, length: int, unusual: int, language: str = "") -> None:
        self.choose = random.Random(seed)
        self.unusual = unusual
        self.processes = 1 + self.below(2)
        self.language = language or self.choose.choice(["python", "python", "node"])
        self.variables = 1 + self.below(4)
        self.clock = BEGIN * 1_000_000
        self.counts: dict[str, int] = {}
        self.ids: list[str] = []
        self.events: list[dict[str, object]] = []
        self.function: dict[str, object] = {}
        while len(self.events) < length:
            self._burst()

    def below(self, number: int) -> int:
        return self.choose.randrange(number)

    def rarely(self) -> bool:
        return self.below(self.unusual) == 0

    def lines(self) -> bytes:
        return b"\n".join(json.dumps(event).encode() for event in self.events)

    def _burst(self) -> None:
        """Let a thread do a few things in one trace."""
        process, thread = self.below(self.processes), self.below(3)
        trace = str(UUID(int=(0xABC << 64) + self.below(4)))
        span = f"span-{self.below(3)}" if self.rarely() else None
        held: list[str] = []
        for _ in range(1 + self.below(8)):
            self._event(process, thread, trace, span, held)

    def _event(
        self, process: int, thread: int, trace: str, span: str | None, held: list[str]
    ) -> None:
        self.clock += self.below(3) * (1 + 400_000 * self.rarely())
        component = f"s{process}#i{process}"
        count = self.counts[component] = self.counts.get(component, 0) + 1
        vector = [[component, count]]
        if self.rarely():
            other = f"s{self.below(3)}#i{self.below(3)}"
            vector.append([other, self.counts.get(other, 1)])
        event_id = str(UUID(int=(0xDEF << 96) + len(self.ids)))
        if self.rarely():
            event_id = event_id.upper() if self.below(2) else event_id.replace("-", "")
        parent = None
        if self.ids and self.rarely():
            parent = self.ids[-1] if self.below(2) else self.choose.choice(self.ids)
        self.ids.append(event_id)
        kind = self._kind(held)
        self.events.append(
            {
                "id": event_id,
                "trace_id": trace,
                "parent_id": parent,
                "timestamp": self._time(),
                "kind": kind,
                "metadata": {
                    "thread_id": f"h{process}:w-{thread}",
                    "process_id": 1,
                    "service_name": f"s{process}",
                    "environment": "",
                    "tags": {"sdk_language": self.language},
                    "duration_ns": 5 if self.rarely() else None,
                    "instance_id": f"i{process}",
                    "distributed_span_id": span,
                    "upstream_span_id": f"span-{self.below(3)}" if self.rarely() else None,
                },
                "causality_vector": vector,
                "lock_set": list(held) if self.rarely() else [],
            }
        )

    def _time(self) -> str:
        offset = self.choose.choice(TIMES) if self.rarely() else "+00:00"
        second, micros = divmod(self.clock, 1_000_000)
        minute, second = divmod(second - BEGIN, 60)
        hour = 9 if offset == "+02:00" else 7
        digits = f"{micros:06d}"[: 3 if self.rarely() else 6]
        return f"2024-05-06T{hour:02d}:{8 + minute:02d}:{second:02d}.{digits}{offset}"

    def _kind(self, held: list[str]) -> dict[str, object]:
        location = f"app.py:{self.below(4)}"
        if not self.rarely():
            value = self.choose.choice(VALUES) if self.rarely() else self.below(3)
            access = self.choose.choice(KINDS if self.rarely() else KINDS[:6])
            return {
                "StateChange": {
                    "variable": f"v{self.below(self.variables)}",
                    "old_value": None,
                    "new_value": value,
                    "location": location,
                    "access_type": access,
                }
            }
        what = self.below(5)
        if what == 0:
            called = {"function_name": "f", "module": "m", "args": {}, "file": "app.py", "line": 3}
            return {"FunctionCall": called}
        if what == 1:
            return {"HttpResponse": {"status": 200, "headers": {}, "body": None, "duration_ms": 1}}
        if what == 2 and held:
            name = held.pop()
            return {"LockRelease": {"lock_id": name, "lock_type": "Lock", "location": location}}
        name = f"lock {self.below(2)}"
        held.append(name)
        lock_type = "RwLock-Read" if self.below(4) == 0 else "Lock"
        return {"LockAcquire": {"lock_id": name, "lock_type": lock_type, "location": location}}


class OneByOne(Observer):
    """Hands events on one by one."""

    def __init__(self, to: Observations) -> None:
        self.event = to.event  # type: ignore[method-assign]


def analysed(lines: bytes, *, in_c: bool) -> tuple[object, ...]:
    """Analyse events in two steps, and describe everything that is known at the end."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        for module, name, instead in () if in_c else IN_PYTHON:
            patch.setattr(module, name, instead)
        # What is forgotten has to be the same as well.
        patch.setattr(sdk_events, "EVENTS_KEPT", 40)
        patch.setattr(sdk_events, "TRACES_KEPT", 3)
        patch.setattr(sdk_events, "THREADS_KEPT", 4)
        observations = Observations()
        analysis = EventAnalysis(
            SourceFolders(()), "/", observations if in_c else OneByOne(observations)
        )
        assert analysis._sdks.in_c is in_c
        events = event_decoding.stored_lines(lines)
        half = len(events) // 2
        analysis.feed(events[:half], float(BEGIN))
        analysis.advance(float(BEGIN + 3))
        analysis.feed(events[half:], float(BEGIN))
        analysis.advance(float("inf"))
        store = FindingsStore(Path(folder))
        store.create()
        with store.changing() as db:
            observations.write(db)
        tables = [
            row["name"]
            for row in store.ask("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
        ]
        written = [(table, store.ask(f"SELECT * FROM {table} ORDER BY 1, 2")) for table in tables]
        store.close()
        return (known_of(analysis), written, found_by(analysis))


def known_of(analysis: EventAnalysis) -> object:
    """Return what is known at the end of an analysis."""
    analyzer, run, sdks = analysis.analyzer, analysis.replay, analysis._sdks
    names = Names()
    tables = (sdks._events, sdks._clocks, sdks._threads, sdks._replies, sdks._running)
    return [
        (run.index, analyzer.accesses, analyzer.changes, analyzer.time, analyzer._passed),
        sorted((variable, sorted(done, key=repr)) for variable, done in analyzer._settled.items()),
        names.of(list(analyzer.races.items())),
        names.of(list(analyzer.violations.items())),
        names.of(list(analyzer.shadows.young.items())),
        names.of(list(run.actors.items())),
        names.of(list(run._touched.items())),
        [names.of([list(table.old.items()), list(table.young.items())]) for table in tables],
        [(key, list(map(astuple, seen))) for key, seen in analyzer.sightings.items()],
        analyzer.runs,
    ]


def found_by(analysis: EventAnalysis) -> object:
    found, seen = analysis.findings()
    return found, seen


@settings(max_examples=EXAMPLES or 60, deadline=None)
@given(seed=st.integers(0, 2**32), length=st.integers(1, 250), unusual=st.sampled_from([4, 12, 60]))
def test_what_is_known_at_the_end_is_the_same(seed, length, unusual):
    """Everything: findings, what is counted, what is remembered, and what actors know."""
    lines = History(seed, length, unusual).lines()

    assert analysed(lines, in_c=True) == analysed(lines, in_c=False)


@pytest.mark.parametrize("unusual", [12, 400])
def test_of_long_histories_as_well(unusual):
    """So long that races are seen so often that they are only counted."""
    settled = 0
    for seed in range(EXAMPLES or 2):
        lines = History(seed, 4000, unusual).lines()
        expected = analysed(lines, in_c=False)

        assert analysed(lines, in_c=True) == expected

        settled += expected[0][0][-1]
    assert settled > 1000


def test_most_of_what_is_usual_is_not_left_to_python(monkeypatch):
    """Or the comparison would compare Python with itself."""
    left = []
    feed = sdk_events.SdkEvents.feed
    monkeypatch.setattr(
        sdk_events.SdkEvents, "feed", lambda *event: left.append(event) or feed(*event)
    )

    analysed(History(1, 1000, 10**9, "python").lines(), in_c=True)

    assert len(left) < 100


@settings(max_examples=EXAMPLES or 60, deadline=None)
@given(seed=st.integers(0, 2**32), unusual=st.sampled_from([3, 30]))
def test_events_are_decoded_to_the_same(seed, unusual):
    lines = History(seed, 60, unusual).lines()
    decoded = event_decoding._decode(lines), event_decoding._decode(lines)

    ours, expected = event_decoding._events_of(decoded[0]), event_decoding.events_of(decoded[1])

    assert list(map(msgspec.structs.astuple, ours)) == list(map(msgspec.structs.astuple, expected))
    texts = [json.loads(line)["timestamp"] for line in lines.split(b"\n")]
    assert [event.time for event in ours] == list(map(nanoseconds, texts))


def test_what_is_no_event_is_refused():
    compiled = replay.compiled
    with pytest.raises(TypeError):
        compiled.events_of([1])
    with pytest.raises(TypeError):
        compiled.events_of(())
    decoded = event_decoding._decode(History(1, 1, 10**9).lines())
    compiled.events_of(decoded)
    with pytest.raises(Refused):  # it has been taken apart
        compiled.events_of(decoded)
    with pytest.raises(TypeError):
        compiled.follow(None, [], 0)
