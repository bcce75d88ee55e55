"""From what was noted down to the JSON of an event.

The thread that tracks an event only notes it down, in a tuple; this is done later, by the thread
that sends it. What is the same for all events of a trace or of an actor is kept as text, and the
rest is put in between: a third of what a dictionary and :mod:`json` take.

Values are JSON already, except for those that cannot change and are quickly written.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring as quote
from typing import TYPE_CHECKING, Any

from raceway import values
from raceway.pipeline import events
from raceway.redaction import REDACTED

if TYPE_CHECKING:
    from raceway.context import Clock, Counter
    from raceway.pipeline.actors import Actor
    from raceway.redaction import Hides

    StateChange = tuple[str, object, object, str, str]
    Record = tuple[
        "StateChange | Json",
        int,  # number of the event
        int | None,  # and of its parent
        int,  # time in nanoseconds
        Counter,
        int,  # what it has counted
        Actor,
        "Identity",
        tuple[str, ...],  # locks held
        dict[str, str] | None,  # tags
        int | None,  # duration in nanoseconds
    ]

_SHORT = 256
_PLACES_KEPT = 1024
_json = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode


class Json(str):
    """Text that is JSON already."""

    __slots__ = ()


def as_json(value: Any) -> Json:
    """Write what ``values.capture`` or a builder of :mod:`raceway.pipeline.events` returned."""
    return Json(_json(value))


def capture(value: Any, limit: int, hides: Hides) -> Any:
    """Return ``value`` as it is now: itself if it cannot change and is small, else as JSON.

    Args:
        value: Anything.
        limit: Longest JSON, in bytes, about.
        hides: Whether what has this name is a secret.
    """
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is int and values.INT_MIN <= value <= values.INT_MAX:
        return value
    if kind is str and len(value) <= _SHORT:
        return value
    return as_json(values.capture(value, limit, hides))


class Identity:
    """The names under which a process sends.

    Attributes:
        pid: The process.
        instance: Its instance id.
        component: Its component in vector clocks.
    """

    __slots__ = ("component", "instance", "pid")

    def __init__(self, pid: int, service: str, instance: str) -> None:
        self.pid = pid
        self.instance = instance
        self.component = f"{service}#{instance}"


class Encoder:
    """Writes the events of one client. For one thread at a time.

    Args:
        service: Service name.
        environment: Deployment environment.
        hides: Whether what has this name is a secret.
    """

    def __init__(self, service: str, environment: str, hides: Hides) -> None:
        self._names = f'"service_name":{quote(service)},"environment":{quote(environment)}'
        self._hides = hides
        # The parent of an event is mostly the one before.
        self._last: tuple[int | None, str] = (None, "null")
        # By variable, location and access: what comes before the values and behind them.
        self._places: dict[tuple[str, str, str], tuple[str, str, bool]] = {}

    def encode(self, record: Record) -> bytes:
        """Return the event as the server wants it.

        Args:
            record: What was noted down.
        """
        (
            kind, number, parent, time_ns, counter, value, actor, identity, locks, tags, duration
        ) = record  # fmt: skip
        head = actor.head
        if head is None or head[0] is not identity:
            head = actor.head = (identity, self._head(actor, identity))
        fragments: Any = counter.fragments
        if fragments is None:
            fragments = counter.fragments = _fragments(counter, identity)
        trace, spans, before, after = fragments
        earlier, parent_id = self._last
        if earlier != parent:
            parent_id = "null" if parent is None else f'"{events.event_id(parent)}"'
        event_id = f'"{events.event_id(number)}"'
        self._last = (number, event_id)
        text = (
            f'{{"id":{event_id},{trace},'
            f'"parent_id":{parent_id},'
            f'"timestamp":"{events.timestamp(time_ns)}",'
            f'"kind":{kind if type(kind) is Json else self._state_change(kind)},'
            f'"metadata":{{{head[1]},{self._names},'
            f'"tags":{_tags(tags)},'
            f'"duration_ns":{"null" if duration is None else duration},{spans}}},'
            f'"causality_vector":{before}{value}{after}{value}]],'
            f'"lock_set":[{",".join(map(quote, locks)) if locks else ""}]}}'
        )
        return text.encode("utf-8")

    def _head(self, actor: Actor, identity: Identity) -> str:
        thread_id = values.text(actor.thread_id(identity.instance))
        return f'"thread_id":{quote(thread_id)},"process_id":{identity.pid & events.U32_MAX}'

    def _state_change(self, kind: Any) -> str:
        variable, old, new, location, access = kind
        place = self._places.get((variable, location, access))
        if place is None:
            place = self._place(variable, location, access)
        begin, end, hidden = place
        if hidden:
            old, new = _hidden(old), _hidden(new)
        return f'{begin}{_value(old)},"new_value":{_value(new)}{end}'

    def _place(self, variable: str, location: str, access: str) -> tuple[str, str, bool]:
        place = (
            f'{{"StateChange":{{"variable":{_text(variable)},"old_value":',
            f',"location":{_text(location)},"access_type":"{access}"}}}}',
            self._hides is not None and bool(self._hides(variable)),
        )
        if len(self._places) >= _PLACES_KEPT:
            self._places.clear()
        self._places[variable, location, access] = place
        return place


def _fragments(counter: Counter, identity: Identity) -> tuple[str, str, str, str]:
    trace = counter.trace
    upstream = "null" if trace.upstream_span_id is None else quote(trace.upstream_span_id)
    spans = (
        f'"instance_id":{quote(identity.instance)},'
        f'"distributed_span_id":{quote(trace.span_id)},"upstream_span_id":{upstream}'
    )
    entries = [entry for entry in counter.foreign if entry[0] != trace.trace_id]
    at = next(i for i, entry in enumerate(entries) if entry[0] == counter.component)
    before = f"[{_entries(entries[:at])}[{quote(counter.component)},"
    # The server overwrites the service's component by the event's index within its trace, which
    # would order unrelated traces of one process by chance. A component that only this trace has
    # keeps them unordered.
    after = f"],{_entries(entries[at + 1 :])}[{quote(trace.trace_id)},"
    return f'"trace_id":{quote(trace.trace_id)}', spans, before, after


def _entries(clock: Clock | list[tuple[str, int]]) -> str:
    return "".join(f"[{quote(name)},{number}]," for name, number in clock)


def _tags(tags: dict[str, str] | None) -> str:
    if not tags:
        return '{"sdk_language":"python"}'
    return _json({"sdk_language": "python", **tags})


def _text(value: str) -> str:
    return quote(value if value.isascii() else values.text(value))


def _value(value: Any) -> str:
    if value is None:
        return "null"
    kind = type(value)
    if kind is int:
        return repr(value)
    if kind is Json:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is str:
        return _text(value)
    return _json(values.capture(value))


def _hidden(value: object) -> object:
    return None if value is None else REDACTED
