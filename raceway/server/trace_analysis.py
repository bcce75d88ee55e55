"""What can be said of one trace: its critical path, what took unusually long, who touched what."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from raceway.server.observations import describe, duration_of, location_of
from raceway.server.senders import Sender

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raceway.server.event_reader import SpanRow, Stored

WRITES: Final = frozenset({"Write", "AtomicWrite", "AtomicRMW"})
_ATOMIC: Final = frozenset({"AtomicRead", "AtomicWrite", "AtomicRMW"})
_FEWEST: Final = 5
"""Operations of a kind from which on one of them can be unusual."""
_MILLION: Final = 1_000_000


class PathStep(msgspec.Struct):
    """One event of a critical path."""

    id: str
    kind: str
    location: str
    timestamp: str
    duration_ms: float


class CriticalPath(msgspec.Struct):
    """The chain of events that decided how long a trace took."""

    trace_id: str
    path_events: int
    total_duration_ms: float
    trace_total_duration_ms: float
    percentage_of_total: float
    path: list[PathStep]


class Anomaly(msgspec.Struct):
    """An operation that took much longer than others of its kind."""

    event_id: str
    event_kind: str
    severity: str
    actual_duration_ms: float
    expected_duration_ms: float
    std_dev_from_mean: float
    description: str
    location: str
    timestamp: str


class AuditEntry(msgspec.Struct):
    """One access of a variable."""

    event_id: str
    timestamp: str
    thread_id: str
    service_name: str
    access_type: str
    old_value: Any
    new_value: Any
    location: str
    has_causal_link_to_previous: bool
    is_race: bool


@dataclass(slots=True)
class _Node:
    event: Stored
    parents: list[str]


def by_time(events: Iterable[Stored]) -> list[Stored]:
    """Return events in the order of their times; at equal times in that of their arrival."""
    return sorted(events, key=lambda event: event.time)


def predecessors(events: list[Stored]) -> dict[str, list[str]]:
    """Return what each event comes after: its parent, and what its thread did before it.

    The first event of a span also comes after the latest earlier one of the span that called it.
    """
    known = {event.id for event in events}
    last_of_thread: dict[tuple[str, str], str] = {}
    last_of_span: dict[str, str] = {}
    begun: set[str] = set()
    found: dict[str, list[str]] = {}
    for event in by_time(events):
        metadata = event.event.metadata
        before: list[str] = []
        if event.parent in known and event.parent != event.id:
            before.append(event.parent)
        thread = Sender(metadata).thread
        if thread in last_of_thread:
            before.append(last_of_thread[thread])
        span, upstream = metadata.distributed_span_id, metadata.upstream_span_id
        if span and span not in begun:
            begun.add(span)
            if upstream and upstream in last_of_span:
                before.append(last_of_span[upstream])
        last_of_thread[thread] = event.id
        if span:
            last_of_span[span] = event.id
        found[event.id] = list(dict.fromkeys(before))
    return found


def critical_path(trace_id: str, events: list[Stored]) -> CriticalPath | None:
    """Return the chain that ends with the event that ended last, back to where it began.

    From each event it goes to the latest of those that it comes after: that one was waited for.
    """
    if not events:
        return None
    ends = {event.id: event.time + min(duration_of(event) or 0, 1 << 53) for event in events}
    by_id = {event.id: event for event in events}
    before = predecessors(events)
    at: str | None = max(ends, key=lambda one: (ends[one], by_id[one].time))
    chain: list[Stored] = []
    seen: set[str] = set()
    while at is not None and at not in seen:
        seen.add(at)
        chain.append(by_id[at])
        earlier = [one for one in before[at] if one not in seen]
        at = max(earlier, key=lambda one: by_id[one].time, default=None)
    chain.reverse()
    first = min(event.time for event in events)
    total = max(0, max(ends.values()) - first)
    own = max(0, max(ends[event.id] for event in chain) - chain[0].time)
    path = []
    for position, event in enumerate(chain):
        following = chain[position + 1].time if position + 1 < len(chain) else ends[event.id]
        path.append(
            PathStep(
                event.id, describe(event), location_of(event), event.event.timestamp,
                max(0, following - event.time) / _MILLION,
            )
        )  # fmt: skip
    percent = 100.0 * own / total if total else 100.0
    return CriticalPath(trace_id, len(chain), own / _MILLION, total / _MILLION, percent, path)


def anomalies(events: list[Stored]) -> list[Anomaly]:
    """Return operations that took more than two standard deviations longer than the others.

    Each is compared with the others of its kind, without itself: one that is very slow would hide
    behind the average that it makes.
    """
    groups: dict[tuple[str, str], list[tuple[Stored, int]]] = defaultdict(list)
    for event in events:
        duration = duration_of(event)
        if duration is not None:
            groups[event.event.metadata.service_name, describe(event)].append((event, duration))
    found = []
    for (_, kind), members in groups.items():
        count = len(members)
        if count < _FEWEST:
            continue
        total = sum(duration for _, duration in members)
        squares = sum(duration * duration for _, duration in members)
        for event, duration in members:
            mean = (total - duration) / (count - 1)
            variance = max(0.0, (squares - duration * duration) / (count - 1) - mean * mean)
            deviation = max(math.sqrt(variance), 0.05 * mean, 1000.0)
            away = (duration - mean) / deviation
            if away <= 2:
                continue
            severity = "Critical" if away > 4 else "Warning" if away > 3 else "Minor"
            text = (
                f"{kind} took {duration / _MILLION:.2f} ms;"
                f" {count - 1} others took {mean / _MILLION:.2f} ms on average"
            )
            found.append(
                Anomaly(
                    event.id, kind, severity, duration / _MILLION, mean / _MILLION, away, text,
                    location_of(event), event.event.timestamp,
                )
            )  # fmt: skip
    return sorted(found, key=lambda one: -one.std_dev_from_mean)


def service_dependencies(
    events: list[Stored], spans: list[SpanRow]
) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """Return events by service, and how often each service called which.

    A call is a span that another one opened, or an event whose parent is of another service.
    """
    services: dict[str, int] = defaultdict(int)
    calls: dict[tuple[str, str], int] = defaultdict(int)
    owner: dict[str, str] = {}
    for event in events:
        service = event.event.metadata.service_name
        services[service] += 1
        owner[event.id] = service
    known = {span.id: span for span in spans}
    counted: set[str] = set()
    for span in spans:
        caller = known.get(span.upstream)
        if caller is not None and caller.id != span.id:
            calls[caller.service, span.service] += 1
            counted.add(span.id)
    for event in events:
        service = event.event.metadata.service_name
        above = owner.get(event.parent)
        by_span = event.event.metadata.distributed_span_id in counted
        if above is not None and above != service and not by_span:
            calls[above, service] += 1
    return dict(services), dict(calls)


def audit_trails(events: list[Stored], racing: dict[str, set[str]]) -> dict[str, list[AuditEntry]]:
    """Return the accesses of each variable in the order of their times.

    Args:
        events: Events of one trace.
        racing: By variable, the locations of which the analysis has found a race.
    """
    before = predecessors(events)
    trails: dict[str, list[AuditEntry]] = defaultdict(list)
    last: dict[str, Stored] = {}
    reach: dict[str, int] = {}
    for event in by_time(events):
        if event.kind != "StateChange":
            continue
        fields, metadata = event.fields, event.event.metadata
        name = fields.variable
        previous = last.get(name)
        linked = previous is not None and _reaches(before, previous.id, event.id, reach)
        trails[name].append(
            AuditEntry(
                event.id, event.event.timestamp, metadata.thread_id, metadata.service_name,
                fields.access_type, fields.old_value, fields.new_value, fields.location, linked,
                fields.location in racing.get(name, ()),
            )
        )  # fmt: skip
        last[name] = event
    return dict(trails)


_STEPS: Final = 5000


def _reaches(before: dict[str, list[str]], earlier: str, later: str, spent: dict[str, int]) -> bool:
    """Tell whether ``later`` comes after ``earlier``, as far as that is found in some steps."""
    waiting, seen = [later], {later}
    while waiting and len(seen) < _STEPS and spent.get("", 0) < 40 * _STEPS:
        spent[""] = spent.get("", 0) + 1
        at = waiting.pop()
        if at == earlier:
            return True
        for one in before.get(at, ()):
            if one not in seen:
                seen.add(one)
                waiting.append(one)
    return False
