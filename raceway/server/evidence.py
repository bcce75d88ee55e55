"""The engine, as the server uses it: it also knows when, in which traces and runs it was seen."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from raceway.engine.analyzer import Analyzer, Race, Violation
from raceway.engine.conclusions import Conclusions
from raceway.pipeline.replay import analyse, remember
from raceway.server.event_replay import EventReplay, Origin

if TYPE_CHECKING:
    from raceway.engine.shadow import Sequence
    from raceway.engine.stamped import Access, ActorReplay, LockOrder
    from raceway.model.findings import Access as Side
    from raceway.model.findings import Finding

SIGHTINGS_KEPT: Final = 16
SETTLED: Final = 100
"""Times that a race has been seen, after which it is only counted."""
SETTLED_KEPT: Final = 256
"""Different accesses of a variable that has been seen to race so often."""
_SETTLED_VARIABLES: Final = 10_000
_SECOND: Final = 1_000_000_000
_NOWHERE: Final = Origin("", "", "", "", True)
_BY_TIME: Final = (
    "nothing that was sent orders the two: only the time, in which one happened to be over before"
    " the other began"
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One time that something was seen.

    Attributes:
        time: Nanoseconds since the epoch.
        trace: Trace of the access that showed it.
        other: Trace of the other access.
        run: Process of the access that showed it.
        service: Its service.
        other_service: Service of the other access.
    """

    time: int
    trace: str
    other: str
    run: str
    service: str
    other_service: str


class ServerAnalyzer(Analyzer):
    """Detects race conditions, and remembers where each was seen.

    Attributes:
        origins: Where the events of an actor come from; set by whoever feeds it.
        time: When the event happened that is analysed, in nanoseconds since the epoch.
        changes: Goes up whenever something was found.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.replay: EventReplay | None = None
        self.time = 0
        self.changes = 0
        self.sightings: dict[object, deque[Sighting]] = {}
        self.runs: dict[object, dict[str, int]] = {}
        self._settled: dict[int, set[object]] = {}
        self._passed = 0
        self.edges: deque[LockOrder] = deque(maxlen=1000)

    def access(self, access: Access) -> None:
        """Take the next access.

        Of a variable that has raced a hundred times, one in sixteen is compared with the others
        where the same was done in the same place under the same locks; the rest is remembered.
        """
        settled = self._settled.get(access.variable)
        if settled is not None:
            done = (access.site.number << 4 | access.kind, access.locks)
            shadow = self.shadows.young.get(access.variable)
            if done not in settled:
                if len(settled) < SETTLED_KEPT:
                    settled.add(done)
            elif shadow is not None:
                self._passed += 1
                if self._passed & 15:
                    self.accesses += 1
                    remember(self, shadow, access)
                    return
        analyse(self, access)

    def lock_order(self, edge: LockOrder) -> None:
        """Take the next edge of the lock-order graph."""
        super().lock_order(edge)
        self.edges.append(edge)
        self.changes += 1

    def origin(self, actor: ActorReplay) -> Origin:
        """Return where the events of an actor come from."""
        found = self.replay.origins.peek(actor.number) if self.replay is not None else None
        return found or _NOWHERE

    def _raced(self, first: Access, second: Access, observed: bool) -> None:
        variable = first.variable
        if variable != second.variable and self._is_item(second):
            variable = second.variable
        key = (variable, first.site.frames[0], second.site.frames[0])
        known = self.races.get(key)
        if known is not None and known.count >= SETTLED:
            if known.last == second.index:
                return
            known.last = second.index
            known.count += 1
            known.observed = known.observed or observed
            if len(self._settled) < _SETTLED_VARIABLES:
                self._settled.setdefault(variable, set())
            if self.time - self.sightings[key][-1].time > _SECOND:
                self._seen(key, first, second)
            return
        super()._raced(first, second, observed)
        if key in self.races:
            self._seen(key, first, second)

    def _violated(self, sequence: Sequence, other: Access, between: bool, observed: bool) -> None:
        if self.has_counted(sequence, other, between, observed):
            return
        first, second = sequence.first, sequence.second
        places = first.site.frames[0], second.site.frames[0], other.site.frames[0]
        key = (second.variable, first.kind, second.kind, *places)
        super()._violated(sequence, other, between, observed)
        if key in self.violations:
            self._seen(key, *sorted((second, other), key=lambda one: one.index))

    def _seen(self, key: object, first: Access, second: Access) -> None:
        self.changes += 1
        known = self.sightings.get(key)
        if known is None:
            known = self.sightings[key] = deque(maxlen=SIGHTINGS_KEPT)
            self.runs[key] = {}
        if known and known[-1].time == self.time:
            return
        one, two = self.origin(second.actor), self.origin(first.actor)
        known.append(Sighting(self.time, one.trace, two.trace, one.run, one.service, two.service))
        runs = self.runs[key]
        if len(runs) < 256 or one.run in runs:
            runs[one.run] = runs.get(one.run, 0) + 1


@dataclass
class Seen:
    """Where a finding was seen.

    Attributes:
        sightings: The latest times.
        runs: How often, by process.
    """

    sightings: list[Sighting]
    runs: dict[str, int]


class ServerConclusions(Conclusions):
    """Turns evidence into findings, and tells where each was seen.

    Attributes:
        seen: By fingerprint and variable.
    """

    def __init__(self, analyzer: ServerAnalyzer, *arguments: Any) -> None:
        super().__init__(analyzer, *arguments)
        self._server = analyzer
        self.seen: dict[tuple[str, str], Seen] = {}

    def _race(self, group: list[Race]) -> Finding:
        finding = super()._race(group)
        worst = group[0]
        keys = [
            (race.variable, race.first.site.frames[0], race.second.site.frames[0]) for race in group
        ]
        self._note(finding, keys)
        counts = [(race.variable, race.count) for race in group]
        finding = replace(finding, count=_total(counts))
        return self._told(finding, worst.first, worst.second)

    def _violation(self, group: list[Violation]) -> Finding:
        finding = super()._violation(group)
        keys = []
        for one in group:
            first, second = one.sequence.first, one.sequence.second
            places = first.site.frames[0], second.site.frames[0], one.other.site.frames[0]
            keys.append((second.variable, first.kind, second.kind, *places))
        self._note(finding, keys)
        counts = [(one.sequence.second.variable, one.count) for one in group]
        finding = replace(finding, count=_total(counts))
        return self._told(finding, group[0].sequence.second, group[0].other)

    def _lock_cycle(self, cycle: tuple[LockOrder, ...]) -> Finding:
        finding = super()._lock_cycle(cycle)
        origins = [self._server.origin(edge.actor) for edge in cycle]
        runs = {origin.run: 1 for origin in origins if origin.run}
        one, two = origins[-1], origins[0]
        sighting = Sighting(
            self._server.time, one.trace, two.trace, one.run, one.service, two.service
        )
        seen = self.seen.setdefault((finding.id, ""), Seen([], {}))
        seen.sightings.append(sighting)
        seen.runs |= runs  # each process has a circle of its own
        return finding

    def _note(self, finding: Finding, keys: list[Any]) -> None:
        seen = self.seen.setdefault((finding.id, finding.variable), Seen([], {}))
        for key in keys:
            seen.sightings += self._server.sightings.get(key, ())
            for run, count in self._server.runs.get(key, {}).items():
                seen.runs[run] = seen.runs.get(run, 0) + count
        seen.sightings.sort(key=lambda one: one.time)
        del seen.sightings[:-SIGHTINGS_KEPT]

    def _told(self, finding: Finding, one: Access, two: Access) -> Finding:
        """Say of what was tracked by hand why the two are not ordered, and what that rests on."""
        first, second = self._server.origin(one.actor), self._server.origin(two.actor)
        if not (first.by_hand and second.by_hand):
            return finding
        why = finding.why
        if finding.certainty == "predicted" and "in this run only the order" in why:
            why = f"{why.partition(';')[0]}; {_BY_TIME}"
        if first.run != second.run:
            why += f"; {finding.variable} is taken to be one thing for all processes, by its name"
        return replace(finding, why=why)

    def _side(self, access: Access, role: str = "other") -> Side:
        side = super()._side(access, role)
        if any(lock.kind == "atomic" for lock in side.locks):
            side = replace(side, locks=tuple(one for one in side.locks if one.kind != "atomic"))
        return side


def _total(counts: list[tuple[int, int]]) -> int:
    """Add up how often something was seen: each process has a variable of its own.

    On one variable the same is seen at several pairs of places, and the most frequent one counts.
    """
    most: dict[int, int] = {}
    for variable, count in counts:
        most[variable] = max(count, most.get(variable, 0))
    return sum(most.values())
