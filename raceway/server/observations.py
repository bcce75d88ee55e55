"""What is counted of all events: runs, variables, locks, actors and durations."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from raceway.engine.commutes import WORDS
from raceway.pipeline import wire_tags
from raceway.server.event_analysis import Observer
from raceway.server.event_replay import scalar
from raceway.server.findings_store import trim

if TYPE_CHECKING:
    import sqlite3

    from raceway.server.event_reader import Stored
    from raceway.server.sdk_events import Waiting
    from raceway.server.senders import Sender

RECENT: Final = 50
"""Accesses of a variable that are kept."""
_KEPT: Final = 10_000
_MEMBERS: Final = 1000
SLOW: Final = 100_000_000
"""Nanoseconds from which on an operation is slow."""
_SLOW_KEPT: Final = 200
_WRITES: Final = frozenset({"Write", "AtomicWrite", "AtomicRMW"})
_TIMED: Final = frozenset({"HttpResponse", "DatabaseQuery"})
"""Kinds with a duration of their own."""
_WORDS: Final = frozenset(WORDS.values())
_READ_WORDS: Final = frozenset({"read", "length", "iterate", "read all"})


@dataclass(slots=True)
class _Count:
    """Events of one kind and one actor."""

    sender: Sender
    events: int = 0
    first: int = 0
    last: int = 0


@dataclass(slots=True)
class _Variable:
    name: str
    scope: str
    reads: int = 0
    writes: int = 0
    actors: set[str] = field(default_factory=set)
    traces: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    recent: list[dict[str, object]] = field(default_factory=list)
    fresh: deque[tuple[Stored, Sender, bool]] = field(default_factory=lambda: deque(maxlen=RECENT))
    sender: Sender | None = None
    trace: str = ""
    first: int = 0
    last: int = 0
    dirty: bool = True

    def touched(self, sender: Sender, trace: str) -> None:
        """Take note of who accesses it, and in which trace."""
        if sender is not self.sender:
            self.sender = sender
            _add(self.actors, sender.name)
            _add(self.services, sender.service)
        if trace != self.trace:
            self.trace = trace
            _add(self.traces, trace)


@dataclass(slots=True)
class _Lock:
    name: str
    kind: str
    scope: str
    location: str
    taken: int = 0
    actors: set[str] = field(default_factory=set)
    since: dict[str, int] = field(default_factory=dict)
    held: int = 0
    longest: int = 0
    handed: int = 0
    waits: int = 0
    waited: int = 0
    longest_wait: int = 0
    holder: str = ""
    timed: bool = True
    first: int = 0
    last: int = 0
    dirty: bool = True


class Observations(Observer):
    """Counts events; what has changed is written by :meth:`write`."""

    def __init__(self) -> None:
        self._counts: dict[tuple[tuple[str, str], str], _Count] = {}
        self._sender: Sender | None = None
        self._kind = ""
        self._count: _Count
        self._timed: dict[tuple[str, str], list[int]] = {}
        self._variables: dict[tuple[str, str], _Variable] = {}
        self._locks: dict[tuple[str, str], _Lock] = {}
        self._orders: dict[tuple[str, str], tuple[int, str]] = {}
        self._holding: dict[str, list[str]] = {}
        self._slow: list[tuple[str, str, str, str, str, int, int]] = []

    def event(self, event: Stored, sender: Sender) -> None:
        """Count an event."""
        kind, time = event.kind, event.time
        # Most events are of the sender and kind of the one before.
        if sender is self._sender and kind == self._kind:
            count = self._count
        else:
            count = self._count = self._count_of(sender, kind, time)
            self._sender, self._kind = sender, kind
        count.events += 1
        if time > count.last:  # noqa: PLR1730 - half the price of max
            count.last = time
        if kind == "StateChange":
            self._access(event, sender)
        elif kind == "LockAcquire":
            self._acquired(event, sender)
        elif kind == "LockRelease":
            self._released(event, sender)
        duration = event.event.metadata.duration_ns
        if duration is not None or kind in _TIMED:
            self._took(event, sender.service, duration_of(event) or 0)

    def events(self, waiting: list[Waiting]) -> None:
        """Count events, as :meth:`event` does; most access what the one before has accessed."""
        previous: Sender | None = None
        variable, is_timed = "", False
        for _, _, _, event, sender in waiting:
            if event.kind != "StateChange" or sender.is_program:
                self.event(event, sender)
                previous, variable = None, ""
                continue
            time, fields = event.time, event.fields
            if sender is not previous:
                previous = sender
                count = self._count_of(sender, "StateChange", time)
                is_timed = sender.metadata.duration_ns is not None
            count.events += 1
            if time > count.last:  # noqa: PLR1730 - as above
                count.last = time
            if fields.variable != variable or not variable:
                variable = fields.variable
                known = self._variable("", variable, event)
                known.dirty = True
            reads = fields.access_type not in _WRITES
            if reads:
                known.reads += 1
            else:
                known.writes += 1
            known.last = time
            trace = event.event.trace_id
            if sender is not known.sender or trace != known.trace:
                known.touched(sender, trace)
            known.fresh.append((event, sender, reads))
            if is_timed:
                self._took(event, sender.service, duration_of(event) or 0)

    def _count_of(self, sender: Sender, kind: str, time: int) -> _Count:
        found = self._counts.get((sender.actor, kind))
        if found is None:
            found = self._counts[sender.actor, kind] = _Count(sender, 0, time, time)
        return found

    def _took(self, event: Stored, service: str, duration: int) -> None:
        timed = self._timed.setdefault((service, event.kind), [0, 0, 0])
        timed[0] += 1
        timed[1] += duration
        timed[2] = max(timed[2], duration)
        if duration >= SLOW:
            self._slow.append(
                (event.id, event.event.trace_id, service, describe(event), location_of(event),
                 duration, event.time)
            )  # fmt: skip
            if len(self._slow) > 4 * _SLOW_KEPT:
                self._slow = sorted(self._slow, key=lambda one: -one[5])[:_SLOW_KEPT]

    def _access(self, event: Stored, sender: Sender) -> None:
        fields = event.fields
        scope, name = "", fields.variable
        word = ""
        if sender.is_program:
            tags = event.event.metadata.tags
            own = tags.get(wire_tags.VARIABLE, "")
            if own and " named " not in own:
                scope, name = sender.run, f"{name}#{own.partition(' ')[0]}"
            word = tags.get("operation", "")
        known = self._variable(scope, name, event)
        reads = word in _READ_WORDS if word in _WORDS else fields.access_type not in _WRITES
        if reads:
            known.reads += 1
        else:
            known.writes += 1
        known.last = event.time
        known.dirty = True
        known.touched(sender, event.event.trace_id)
        known.fresh.append((event, sender, reads))

    def _variable(self, scope: str, name: str, event: Stored) -> _Variable:
        known = self._variables.get((scope, name))
        if known is None:
            if len(self._variables) >= _KEPT:
                self._forget()
            known = self._variables[scope, name] = _Variable(
                event.fields.variable, scope, first=event.time
            )
        return known

    def _acquired(self, event: Stored, sender: Sender) -> None:
        fields, tags = event.fields, event.event.metadata.tags
        run, thread = sender.thread
        key = (run, fields.lock_id)
        lock = self._locks.get(key)
        if lock is None:
            if len(self._locks) >= _KEPT:
                self._forget()
            lock = self._locks[key] = _Lock(
                tags.get("lock_name") or fields.lock_id, fields.lock_type, run,
                tags.get("lock_location", ""), first=event.time,
            )  # fmt: skip
        lock.taken += 1
        lock.handed += lock.holder not in {"", thread}
        lock.holder = thread
        # An instrumented program says in which order, and not when.
        lock.timed = wire_tags.POSITION not in tags
        lock.last = event.time
        lock.dirty = True
        waited = event.event.metadata.duration_ns
        if waited:
            lock.waits += 1
            lock.waited += waited
            lock.longest_wait = max(lock.longest_wait, waited)
        _add(lock.actors, sender.name)
        if len(lock.since) < _MEMBERS:
            lock.since.setdefault(thread, event.time)
        holding = self._holding.setdefault(f"{run} {thread}", [])
        inside = f"{run} {fields.lock_id}"
        for outside in holding:
            if outside != inside and len(self._orders) < _KEPT:
                count, where = self._orders.get((outside, inside), (0, fields.location))
                self._orders[outside, inside] = (count + 1, where)
        if inside not in holding and len(holding) < 32:
            holding.append(inside)
        if len(self._holding) > _KEPT:
            del self._holding[next(iter(self._holding))]

    def _released(self, event: Stored, sender: Sender) -> None:
        run, thread = sender.thread
        lock = self._locks.get((run, event.fields.lock_id))
        holding = self._holding.get(f"{run} {thread}", [])
        name = f"{run} {event.fields.lock_id}"
        if name in holding:
            holding.remove(name)
        since = lock.since.pop(thread, None) if lock is not None else None
        if lock is not None and since is not None and lock.timed:
            duration = max(0, event.time - since)
            lock.held += duration
            lock.longest = max(lock.longest, duration)
            lock.dirty = True

    def _forget(self) -> None:
        """Forget what was not used for longest; what is written stays there."""
        for table in (self._variables, self._locks):
            for key in list(table)[: len(table) // 2]:
                if not table[key].dirty:
                    del table[key]
        if len(self._variables) >= _KEPT:
            self._variables.clear()

    def write(self, db: sqlite3.Connection) -> None:
        """Write what has changed; once that is committed, :meth:`written` is to be called."""
        self._write_counts(db)
        self._write_variables(db)
        self._write_locks(db)
        db.executemany("INSERT OR REPLACE INTO slow VALUES (?, ?, ?, ?, ?, ?, ?)", self._slow)
        if self._slow:
            db.execute(
                "DELETE FROM slow WHERE event NOT IN"
                " (SELECT event FROM slow ORDER BY duration DESC LIMIT ?)",
                (_SLOW_KEPT,),
            )
        trim(db, ("run", "actor", "variable", "lock"))

    def written(self) -> None:
        """Take note that what was written is in the file."""
        self._counts.clear()
        self._sender = None
        self._timed.clear()
        self._orders.clear()
        self._slow = []
        for variable in self._variables.values():
            if variable.dirty:
                variable.dirty = False
                variable.reads = variable.writes = 0
        for lock in self._locks.values():
            if lock.dirty:
                lock.dirty = False
                lock.taken = lock.held = lock.handed = lock.waits = lock.waited = 0

    def _write_counts(self, db: sqlite3.Connection) -> None:
        counts = self._counts.items()
        db.executemany(
            "INSERT INTO run VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE"
            " SET events = events + ?7, first = min(first, ?8), last = max(last, ?9)",
            [(*one.sender.as_run(), one.events, one.first, one.last) for _, one in counts],
        )
        db.executemany(
            "INSERT INTO actor VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE"
            " SET events = events + ?5, first = min(first, ?6), last = max(last, ?7)",
            [
                (f"{run} {thread}", one.sender.name, one.sender.kind, run, one.events, one.first,
                 one.last)
                for ((run, thread), _), one in counts
            ],
        )  # fmt: skip
        db.executemany(
            "INSERT INTO operation VALUES (?1, ?2, ?3, 0, 0, 0) ON CONFLICT DO UPDATE SET"
            " count = count + ?3",
            [(one.sender.service, kind, one.events) for (_, kind), one in counts],
        )
        db.executemany(
            "UPDATE operation SET timed = timed + ?3, total = min(total + ?4, 1 << 62),"
            " longest = max(longest, ?5) WHERE service = ?1 AND kind = ?2",
            [
                (*key, timed, min(total, 1 << 61), longest)
                for key, (timed, total, longest) in self._timed.items()
            ],
        )

    def _write_variables(self, db: sqlite3.Connection) -> None:
        rows = []
        for (scope, key), known in self._variables.items():
            if known.dirty:
                known.recent = [*known.recent, *map(_shown, known.fresh)][-RECENT:]
                known.fresh.clear()
                rows.append(
                    (f"{scope} {key}", known.name, known.scope, known.reads, known.writes,
                     len(known.actors), len(known.traces), json.dumps(sorted(known.services)),
                     json.dumps(known.recent), known.first, known.last)
                )  # fmt: skip
        db.executemany(
            "INSERT INTO variable VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
            " ON CONFLICT DO UPDATE SET reads = reads + ?4, writes = writes + ?5,"
            " actors = max(actors, ?6), traces = max(traces, ?7), services = ?8, recent = ?9,"
            " first = min(first, ?10), last = max(last, ?11)",
            rows,
        )

    def _write_locks(self, db: sqlite3.Connection) -> None:
        rows = []
        for (run, lock_id), lock in self._locks.items():
            if lock.dirty:
                rows.append(
                    (f"{run} {lock_id}", lock.name, lock.kind, lock.scope, lock.location,
                     lock.taken, len(lock.actors), lock.held, lock.longest, lock.first, lock.last,
                     lock.handed, lock.waits, min(lock.waited, 1 << 61), lock.longest_wait)
                )  # fmt: skip
        db.executemany(
            "INSERT INTO lock (id, name, kind, scope, location, taken, actors, held, longest,"
            " first, last, handed, waits, waited, longest_wait)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
            " ON CONFLICT DO UPDATE SET taken = taken + ?6, actors = max(actors, ?7),"
            " held = held + ?8, longest = max(longest, ?9), first = min(first, ?10),"
            " last = max(last, ?11), handed = handed + ?12, waits = waits + ?13,"
            " waited = min(waited + ?14, 1 << 62), longest_wait = max(longest_wait, ?15)",
            rows,
        )
        db.executemany(
            "INSERT INTO lock_order VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE"
            " SET count = count + ?3",
            [(*pair, count, where) for pair, (count, where) in self._orders.items()],
        )


def _add(members: set[str], member: str) -> None:
    if len(members) < _MEMBERS:
        members.add(member)


def _shown(access: tuple[Stored, Sender, bool]) -> dict[str, object]:
    """Return an access as a page shows it."""
    event, sender, reads = access
    fields = event.fields
    value, has_value = scalar(fields.new_value)
    has_value = has_value and not (reads and value is None)  # of a read it is mostly not told
    return {
        "time": event.time,
        "access": "read" if reads else "write",
        "operation": event.event.metadata.tags.get("operation", "") or fields.access_type,
        "actor": sender.name,
        "run": sender.run,
        "trace": event.event.trace_id,
        "location": fields.location,
        "value": value if has_value else None,
        "has_value": has_value,
        "locks": list(map(short_lock, event.event.lock_set)),
    }


def short_lock(lock_id: str) -> str:
    """Return a lock id as a page shows it."""
    return lock_id[:200]


def duration_of(event: Stored) -> int | None:
    """Return how long what an event tells took, in nanoseconds, if it says so."""
    duration = event.event.metadata.duration_ns
    if duration is None and event.kind in _TIMED:
        duration = min(event.fields.duration_ms, 1 << 40) * 1_000_000
    return duration


def describe(event: Stored) -> str:
    """Return the kind of an event and what it is about, as upstream's API writes it."""
    kind, fields = event.kind, event.fields
    if kind in {"FunctionCall", "FunctionReturn"}:
        return f"{kind}({fields.function_name})"
    if kind == "StateChange":
        return f"StateChange({fields.variable})"
    if kind == "HttpRequest":
        return f"HttpRequest({fields.method} {fields.url})"
    if kind == "HttpResponse":
        return f"HttpResponse({fields.status})"
    if kind in {"LockAcquire", "LockRelease"}:
        return f"{kind}({fields.lock_id})"
    if kind == "Custom":
        return f"Custom({fields.name})"
    return kind


def location_of(event: Stored) -> str:
    """Return the place that an event names."""
    fields = event.fields
    if event.kind in {"FunctionCall", "FunctionReturn"}:
        return f"{fields.file}:{fields.line}"
    for name in ("location", "spawned_by", "awaited_at"):
        found = getattr(fields, name, "")
        if found:
            return str(found)
    return "unknown"
