"""From evidence to findings: group, rank, word, and give each a fingerprint."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from raceway.engine import wording
from raceway.engine.analyzer import Analyzer, Race, Violation
from raceway.engine.commutes import WORDS, WRITES
from raceway.engine.judge import Pattern
from raceway.engine.order import forget_leaked
from raceway.engine.stamped import FLAG_LOCKS, Access, ActorReplay, LockOrder, Site
from raceway.model.findings import (
    SEVERITIES,
    Actor,
    Certainty,
    Finding,
    Frame,
    LockRef,
    Severity,
)
from raceway.model.findings import Access as Side
from raceway.redaction import REDACTED, Hides

_TRIO_LOOP = os.path.join("trio", "_core", "_run.py")
"""The file of the function that is beneath all tasks of trio."""

ReadLine = Callable[[str, int], "str | None"]

MOST_SIDES = 8
"""Accesses shown with one finding."""
_MAIN_SIDES = 3
"""The first of them, which are shown whether they are at new places or not."""


class Conclusions:
    """Turns the evidence of one process into findings.

    Args:
        analyzer: What was found.
        read_line: Returns a line of a source file; for the fingerprint.
        root: Folder that paths in fingerprints are relative to.
        hides: Whether the value of a variable of this name is a secret.
    """

    def __init__(
        self, analyzer: Analyzer, read_line: ReadLine, root: str, hides: Hides = None
    ) -> None:
        self._hides = hides
        self._analyzer = analyzer
        self._definitions = analyzer.definitions
        self._read_line = read_line
        self._root = root

    def findings(self) -> list[Finding]:
        """Return all findings, worst first."""
        self._analyzer.look_back()
        for access in self._accesses():
            forget_leaked(access)
        races = list(self._races())
        violations = []
        for violation in self._violations():
            same = [
                race
                for race in races
                if race.severity != "info" and self._is_one_bug(race, violation)
            ]
            if not same:
                violations.append(violation)
            level = SEVERITIES.index(violation.severity)
            if same and all(SEVERITIES.index(race.severity) < level for race in same):
                for race in same:
                    races[races.index(race)] = _told_as(violation, race)
        found = [*races, *violations, *self._lock_orders()]
        return sorted(found, key=lambda one: -SEVERITIES.index(one.severity))

    def _accesses(self) -> Iterator[Access]:
        """Yield every access that findings show, the reads of updates included."""
        shown: list[Access] = []
        for race in self._analyzer.races.values():
            shown += (race.first, race.second)
        for violation in self._analyzer.violations.values():
            sequence = violation.sequence
            shown += (sequence.first, sequence.second, violation.other)
        for access in shown:
            yield access
            if access.update_of is not None:
                yield access.update_of

    @staticmethod
    def _is_one_bug(race: Finding, violation: Finding) -> bool:
        """Tell whether a race is what lets the violation happen.

        A race on an item is one on its container, and the other way round.
        """
        one, two = race.variable, violation.variable
        related = one == two or _container(one) == two or _container(two) == one
        return related and not _functions(race).isdisjoint(_functions(violation))

    # ------------------------------------------------------------ data races

    def _races(self) -> Iterator[Finding]:
        groups: dict[object, list[Race]] = {}
        for race in self._analyzer.races.values():
            if not race.observed and self._is_handed_on(race.first, race.second):
                continue
            name = self._definitions.variable_name(race.variable)
            pair = frozenset((self._function(race.first.site), self._function(race.second.site)))
            groups.setdefault((race.variable >> 32, name, pair), []).append(race)
        for group in groups.values():
            group.sort(key=_race_rank)
            yield self._race(group)

    def _race(self, group: list[Race]) -> Finding:
        worst = group[0]
        first, second = worst.first, worst.second
        name = self._definitions.variable_name(worst.variable)
        lost = worst.severity == "critical"
        certainty: Certainty = "observed" if any(one.observed for one in group) else "predicted"
        sides = [self._side(first), self._side(second)]
        if lost:
            sides += [
                self._side(access.update_of)
                for access in (first, second)
                if access.update_of is not None and not self._same_line(access, access.update_of)
            ]
        for race in group[1:]:
            sides += (self._side(race.first), self._side(race.second))
        names = (sides[0].locks, sides[1].locks)
        lines = self._lines(first, second, first.update_of, second.update_of)
        return self._finding(
            "data-race",
            worst.severity,
            certainty,
            name,
            sides,
            message=wording.race_message(name, first, second, lost=lost),
            why=wording.race_why(first, second, names, observed=certainty == "observed"),
            fix=wording.race_fix(name, first, second, names, lost=lost, trio=_is_in_trio(sides)),
            steps=wording.race_steps(first, second, lines, lost=lost),
            count=max(race.count for race in group),
        )

    def _same_line(self, one: Access, two: Access) -> bool:
        lines = self._lines(one, two)
        return lines[one.index] == lines[two.index]

    def _is_handed_on(self, *accesses: Access) -> bool:
        """Tell whether one of them holds a lock that others release, as it is no mutex then.

        Whom such a lock protects is decided by something that is not seen: with the last of
        several readers it opens for a writer.  So what it orders in this run is all there is.
        """
        signals = self._analyzer.signals
        return any(not signals.isdisjoint(access.locks) for access in accesses)

    # ------------------------------------------------------------ atomicity violations

    def _violations(self) -> Iterator[Finding]:
        groups: dict[object, list[Violation]] = {}
        for violation in self._analyzer.violations.values():
            sequence = violation.sequence
            if not violation.observed and self._is_handed_on(
                sequence.first, sequence.second, violation.other
            ):
                continue
            if self._analyzer.is_about_others(violation):
                continue
            name = self._definitions.variable_name(violation.variable)
            key = (
                violation.variable >> 32,
                name,
                self._function(violation.sequence.first.site),
                self._function(violation.sequence.second.site),
            )
            groups.setdefault(key, []).append(violation)
        for group in groups.values():
            group.sort(key=_violation_rank)
            yield self._violation(group)

    def _violation(self, group: list[Violation]) -> Finding:
        worst = group[0]
        first, second, other = worst.sequence.first, worst.sequence.second, worst.other
        name = self._definitions.variable_name(worst.variable)
        sides = [
            self._side(first, "first"),
            self._side(second, "second"),
            self._side(other, "other"),
        ]
        for violation in group[1:]:
            sides += (
                self._side(violation.sequence.first, "first"),
                self._side(violation.sequence.second, "second"),
                self._side(violation.other, "other"),
            )
        held = sides[1].locks or sides[0].locks
        common = tuple(lock for lock in held if lock in sides[2].locks) or held
        places = self._places(first, second)
        lines = self._lines(first, second, other, other.update_of)
        certainty: Certainty = "observed" if any(one.observed for one in group) else "predicted"
        gap = wording.gap(first, second, common)
        kept = self._analyzer.judge.pattern(first, second, by_hand=False) is Pattern.KEPT
        return self._finding(
            "data-race" if _is_unprotected(worst) else "atomicity-violation",
            worst.severity,
            certainty,
            name,
            sides,
            message=wording.violation_message(
                name, first, other, second, takes=worst.sequence.takes, kept=kept
            ),
            why=f"{gap}, so {other.actor.name} can come in",
            fix=wording.violation_fix(first, second, places, common, trio=_is_in_trio(sides)),
            steps=wording.violation_steps(
                first, other, second, lines, common, self._analyzer.judge.pauses
            ),
            count=max(violation.count for violation in group),
        )

    def _places(self, first: Access, second: Access) -> tuple[int, int]:
        """Return the lines of the sequence in the function that both belong to."""
        depths = self._analyzer.judge.common_call(first.site, second.site) or (0, 0)
        one = self._analyzer.judge.frame(first.site, depths[0])
        two = self._analyzer.judge.frame(second.site, depths[1])
        return (one.line if one else 0), (two.line if two else 0)

    # ------------------------------------------------------------ lock order

    def _lock_orders(self) -> Iterator[Finding]:
        for cycle in self._analyzer.lock_graph.cycles():
            if self._analyzer.signals.isdisjoint(edge.outer for edge in cycle):
                yield self._lock_cycle(cycle)

    def _lock_cycle(self, cycle: tuple[LockOrder, ...]) -> Finding:
        sides: list[Side] = []
        known = self._told_apart([edge.outer for edge in cycle])
        for edge in cycle:
            outer, inner = known[edge.outer], known[edge.inner]
            sides.append(
                Side("write", f"acquire {outer.name}", self._actor(edge.actor),
                     self._stack(edge.outer_site), (), role="outer")
            )  # fmt: skip
            sides.append(
                Side("write", f"acquire {inner.name}", self._actor(edge.actor),
                     self._stack(edge.inner_site), (outer,), role="inner")
            )  # fmt: skip
        locks = tuple(known[edge.outer] for edge in cycle)
        order = " -> ".join([*(lock.name for lock in locks), locks[0].name])
        actors = " and ".join(dict.fromkeys(edge.actor.name for edge in cycle))
        plain = [self._lock(edge.outer).name for edge in cycle]
        return self._finding(
            "lock-order-inversion",
            "warning",
            "predicted",
            "",
            sides,
            locks=locks,
            message=f"{capitalised(actors)} take the same locks in opposite order ({order}): "
            "each can wait for the other for ever.",
            why="each holds what the other waits for, and no further lock keeps them apart",
            fix="take the locks in one order everywhere, for example "
            + (
                f"{locks[0].name} first"
                if len(set(plain)) > 1
                else "sorted by a number that each has"
            ),
        )

    def _told_apart(self, numbers: list[int]) -> dict[int, LockRef]:
        """Return locks by number; those of one name, made on one line, get a number each."""
        known = {number: self._lock(number) for number in numbers}
        names = [lock.name for lock in known.values()]
        seen: dict[str, int] = {}
        for number, lock in known.items():
            if names.count(lock.name) > 1:
                seen[lock.name] = seen.get(lock.name, 0) + 1
                known[number] = replace(lock, name=f"{lock.name} #{seen[lock.name]}")
        return known

    # ------------------------------------------------------------ parts

    def _finding(
        self, kind: str, severity: Severity, certainty: Certainty, variable: str,
        sides: list[Side], *, locks: tuple[LockRef, ...] = (), count: int = 1, **texts: object,
    ) -> Finding:  # fmt: skip
        shown: list[Side] = sides
        if variable:
            # The sides of the main example all count, others where they show a new place.
            shown = sides[:_MAIN_SIDES]
            for side in sides[_MAIN_SIDES:]:
                key = (side.stack[0].location, side.access)
                if key not in _keys(shown) and len(shown) < MOST_SIDES:
                    shown.append(side)
        if not locks:
            locks = tuple(dict.fromkeys(lock for side in shown for lock in side.locks))
        return Finding(
            id=self._fingerprint(kind, variable, sides[: 2 if variable else 4]),
            type=kind,  # type: ignore[arg-type]  # one of the three literals, see the callers
            severity=severity,
            certainty=certainty,
            variable=variable,
            accesses=tuple(shown),
            locks=locks,
            count=count,
            process=min((side.actor.process for side in shown), default=self._definitions.pid),
            **texts,  # type: ignore[arg-type]  # message, why, fix and steps
        )

    def _fingerprint(self, kind: str, variable: str, sides: Iterable[Side]) -> str:
        """Hash what survives an edit elsewhere and another run: no line numbers, no actors.

        Two sides make it: for a sequence its own, whoever breaks it.
        """
        folded = re.sub(r"\[[^\]]*\]", "[*]", variable)
        places = set()
        for side in sides:
            frame = side.stack[0]
            path = frame.file.removeprefix(self._root.rstrip(os.sep) + os.sep)
            line = (self._read_line(frame.file, frame.line) or "").strip()
            places.add((path, frame.function, line))
        text = repr((kind, folded, sorted(places)))
        return "RW-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]

    def _side(self, access: Access, role: str = "other") -> Side:
        return Side(
            "write" if access.kind in WRITES else "read",
            WORDS[access.kind],
            self._actor(access.actor),
            self._stack(access.site),
            tuple(self._lock(number) for number in sorted(access.locks) if number < FLAG_LOCKS),
            self._shown(access),
            access.has_value,
            role,  # type: ignore[arg-type]  # one of the literals, see the callers
        )

    def _shown(self, access: Access) -> object:
        # Numbers say nothing that a count of tokens does not say.
        if self._hides is None or type(access.value) is not str:
            return access.value
        name = self._definitions.variable_name(access.variable)
        return REDACTED if self._hides(name) else access.value

    def _actor(self, actor: ActorReplay) -> Actor:
        name = actor.name
        return Actor(
            name,
            actor.kind,
            actor.parent,
            self._stack(actor.fork_site) if actor.fork_site else (),
            self._definitions.pid_of(actor.number),
        )

    def _stack(self, site: Site) -> tuple[Frame, ...]:
        frames = []
        for code, offset in site.frames:
            known = self._definitions.code(code)
            if known is not None and not _is_ours(known.file):
                frames.append(known.frame(offset))
        return tuple(frames) or (Frame("?", 0, "?"),)

    def _lock(self, number: int) -> LockRef:
        lock = self._definitions.lock(number)
        if lock.location.startswith(self._root + os.sep):
            return replace(lock, name=lock.name.replace(self._root + os.sep, ""))
        return lock

    def _function(self, site: Site) -> tuple[str, str]:
        frame = self._analyzer.judge.frame(site)
        return (frame.file, frame.function) if frame else ("?", "?")

    def _lines(self, *accesses: Access | None) -> dict[int, int]:
        lines = {}
        for access in accesses:
            if access is not None:
                frame = self._analyzer.judge.frame(access.site)
                lines[access.index] = frame.line if frame else 0
        return lines


_OUR_FOLDERS = tuple(
    os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), name)
    + os.sep
    for name in ("raceway", "raceway_autopatch")
)


def _is_ours(file: str) -> bool:
    """Tell whether a file is Raceway's own; by folder, users' paths may have that name too."""
    return file.startswith(_OUR_FOLDERS)


def _race_rank(race: Race) -> tuple[int, bool, int]:
    both_write = race.first.kind in WRITES and race.second.kind in WRITES
    return -SEVERITIES.index(race.severity), not both_write, race.first.index


def _violation_rank(violation: Violation) -> tuple[int, bool, bool]:
    """Put the example first that is easiest to follow: two actors that run the same lines."""
    same = violation.other.site.frames[0] == violation.sequence.second.site.frames[0]
    return -SEVERITIES.index(violation.severity), not same, not violation.between


def _container(variable: str) -> str:
    return re.sub(r"(\[[^\]]*\])$", "", variable)


def _told_as(violation: Finding, race: Finding) -> Finding:
    """Return a race in the words of the violation that it makes possible, which say more."""
    sides = violation.accesses
    known = _keys(list(sides))
    more = [one for one in race.accesses if (one.stack[0].location, one.access) not in known]
    return replace(
        violation,
        id=race.id,
        type=race.type,
        variable=race.variable,
        certainty=race.certainty,
        accesses=(*sides, *more)[:MOST_SIDES],
        count=max(violation.count, race.count),
    )


def _is_unprotected(violation: Violation) -> bool:
    """Tell whether nothing at all keeps the accesses apart: not even each by itself.

    Single operations on containers are atomic, so that ``if jobs: jobs.pop()`` in two threads is
    a matter of the pair.  But without any lock it is what everybody calls a data race; an
    atomicity violation is where each access is protected, and the pair is not.  A lock that the
    access takes for itself, as ``Value.value`` of multiprocessing does, makes it an atomic
    operation and no more.
    """
    first, second, other = violation.sequence.first, violation.sequence.second, violation.other
    against = _protection(other)
    return (
        first.actor.group != other.actor.group
        and _protection(first).isdisjoint(against)
        and _protection(second).isdisjoint(against)
    )


def _protection(access: Access) -> set[int]:
    """Return the locks that the program holds around an access."""
    return {held.lock for held in access.held if held.site is not access.site}


def _keys(sides: list[Side]) -> set[tuple[str, str]]:
    return {(side.stack[0].location, side.access) for side in sides}


def _functions(finding: Finding) -> set[tuple[str, str]]:
    return {(side.stack[0].file, side.stack[0].function) for side in finding.accesses}


def capitalised(text: str) -> str:
    """Return ``text`` with a capital first letter."""
    return wording.capital(text)


def _is_in_trio(sides: Iterable[Side]) -> bool:
    """Tell whether one side is seen to be called by trio: its tasks cannot use asyncio's locks."""
    return any(frame.file.endswith(_TRIO_LOOP) for side in sides for frame in side.stack)
