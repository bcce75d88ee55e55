"""The engine's face: takes stamped accesses of one process, gives evidence.

State is kept per variable and shared by nothing but the judge's answers, so that variables could
be analysed apart from each other.  Evidence is de-duplicated as it comes: one for each pair (or
triple) of places, with a count and the worst example.
"""

from __future__ import annotations

from collections.abc import Iterable

from raceway.engine import atomicity, harmless, named_items, races
from raceway.engine.commutes import READS, WRITES
from raceway.engine.definitions import Definitions
from raceway.engine.flags import Flags, Locks
from raceway.engine.judge import Judge
from raceway.engine.lock_order import LockOrderGraph
from raceway.engine.pairs import Pairs
from raceway.engine.places import SourceProvider
from raceway.engine.shadow import TRAILS_KEPT, Sequence, Shadow, Trail, are_equal, place
from raceway.engine.stamped import Access, ActorReplay, Held, LockOrder, Message
from raceway.engine.unwatched import Unwatched
from raceway.model import ops
from raceway.model.aging import Aging
from raceway.model.findings import SEVERITIES, Severity

Place = tuple[int, int]

SHADOWS_KEPT = 30_000
"""Variables of a generation."""
TRAILS_BEGUN = 60_000
"""Trails that are begun while a generation lasts, at most."""
EVIDENCE_KEPT = 20_000
"""Different races, and different violations, of one process."""


class Race:
    """Evidence of a data race: one pair of places on one variable."""

    __slots__ = ("count", "first", "last", "observed", "second", "severity", "variable")

    def __init__(
        self, variable: int, first: Access, second: Access, severity: Severity, *, observed: bool
    ) -> None:
        self.variable = variable
        self.first = first
        self.second = second
        self.severity = severity
        self.observed = observed
        self.count = 1
        self.last = second.index


class Violation:
    """Evidence of an atomicity violation: a sequence and what breaks it."""

    __slots__ = (
        "between",
        "count",
        "last",
        "observed",
        "other",
        "sequence",
        "severity",
        "variable",
    )

    def __init__(
        self, variable: int, sequence: Sequence, other: Access, severity: Severity, *, between: bool
    ) -> None:
        self.variable = variable
        self.sequence = sequence
        self.other = other
        self.severity = severity
        self.between = between
        self.observed = between
        self.count = 1
        self.last = sequence.second.index


class Analyzer:
    """Detects race conditions in the history of one process.

    Args:
        definitions: What the numbers stand for.
        sources: Returns the text of a source file, or None.
    """

    def __init__(self, definitions: Definitions, sources: SourceProvider) -> None:
        self.definitions = definitions
        self.judge = Judge(definitions, sources)
        self.pairs = Pairs(self.judge)
        self.accesses = 0
        self.races: dict[tuple[int, Place, Place], Race] = {}
        self.violations: dict[tuple[int, int, int, Place, Place, Place], Violation] = {}
        self.lock_graph = LockOrderGraph()
        self.flags = Flags(self.judge)
        self._unwatched = Unwatched(definitions, self.judge)
        self.signals: set[int] = set()
        """Locks that are released by others than take them, as the last of several readers does."""
        self.shadows: Aging[int, Shadow] = Aging(SHADOWS_KEPT, self._forget)
        self.variables = 0
        self._newest_forgotten = 0
        self._trails = 0
        self._parts: Aging[int, list[int]] = Aging(4 * SHADOWS_KEPT)
        # actor number -> numbers of variables that have a trail of it
        self._touched: dict[int, set[int]] = {}

    def begin_afresh(self) -> None:
        """Forget all accesses and what was found; what the source says stays known."""
        self.accesses = self.variables = self._trails = 0
        self.races.clear()
        self.violations.clear()
        self.lock_graph = LockOrderGraph()
        for _ in range(2):  # both generations
            self.shadows.age()
            self._parts.age()
        self._touched.clear()
        self.flags.clear()

    # ------------------------------------------------------------ fed by replay

    def attach(self, locks: Locks) -> None:
        """Learn who keeps track of the order."""
        self.flags.locks = locks

    def access(self, access: Access) -> None:
        """Take the next access."""
        shadow = self.shadows.young.get(access.variable) or self._shadow(access.variable)
        self.accesses += 1
        if shadow is None:
            return
        shadow.follow_value(access)
        trail = shadow.trails.get(access.actor.number)
        atomicity.check(shadow, trail, access, self.pairs, self._violated)
        raced = races.check(shadow, trail, access, self._raced)
        if trail is None:
            trail = self._begin(shadow, access)
        trail.raced = trail.raced or raced
        shadow.keep(trail, access)
        access.actor.latest[place(access)] = access
        container = shadow.container
        if container is not None and access.kind != ops.GROW:
            self._keep_item(container, access)
        if (access.actor.turn is not None and access.site.flags is not False) or shadow.flagged:
            self.flags.follow(shadow, trail, access)

    def remember(self, shadow: Shadow, access: Access) -> None:
        """Remember an access without comparing it with those of others."""
        shadow.follow_value(access)
        trail = shadow.trails.get(access.actor.number) or self._begin(shadow, access)
        shadow.keep(trail, access)
        access.actor.latest[place(access)] = access

    def lock_order(self, edge: LockOrder) -> None:
        """Take the next edge of the lock-order graph."""
        self.lock_graph.add(edge)

    def left(self, held: Held) -> None:
        """Take note of a critical section that has ended."""
        self._unwatched.left(held)

    def heard(self, held: Held) -> Iterable[Message]:
        """Return the ends of the critical sections that a new one is meant to come after."""
        return self._unwatched.heard(held)

    def signalled(self, lock: int) -> None:
        """Take note that a lock is released by others than take it, or could be."""
        if len(self.signals) < EVIDENCE_KEPT:
            self.signals.add(lock)

    def retire(self, actor: ActorReplay) -> None:
        """Forget what an actor did: it comes before everything that is still to happen."""
        self.lock_graph.retire(actor)
        self.flags.retire(actor)
        for variable in self._touched.pop(actor.number, ()):
            shadow = self.shadows.peek(variable)
            if shadow is not None:
                shadow.forget(actor.number)

    def finalized(self, variable: int) -> None:
        """Forget what was done with an object: it is over when the finaliser begins.

        The last reference is gone, so that every access through another one came before.
        """
        parts = [variable]
        for part in parts:
            parts += self._parts.pop(part) or ()
            self.flags.forget(part)
            shadow = self.shadows.pop(part)
            if shadow is not None:
                self._untouch(shadow)

    # ------------------------------------------------------------ shadows

    def _begin(self, shadow: Shadow, access: Access) -> Trail:
        self._touch(shadow, access.actor)
        if len(shadow.trails) >= shadow.limit:
            for number in shadow.crowd():
                shadow.forget(number)
        return shadow.begin(access)

    def _keep_item(self, container: Shadow, access: Access) -> None:
        """Remember in a container what was done to one of its items."""
        trails = container.item_trails
        if trails is None:
            trails = container.item_trails = {}
        trail = trails.get(access.actor.number)
        if trail is None:
            self._touch(container, access.actor)
            if len(trails) >= TRAILS_KEPT:
                del trails[next(iter(trails))]
            trail = trails[access.actor.number] = Trail(access.actor, access.locks)
        trail.keep(access)
        container.item_kinds |= 1 << access.kind

    def _touch(self, shadow: Shadow, actor: ActorReplay) -> None:
        self._touched.setdefault(actor.number, set()).add(shadow.number)
        self._trails += 1
        if self._trails > TRAILS_BEGUN:
            self._trails = 0
            self.shadows.age()

    def _note_part(self, number: int) -> None:
        """Remember what a variable belongs to, up to the object or container that was watched."""
        variable = self.definitions.variable(number)
        while variable is not None and variable.parent:
            parts = self._parts.get(variable.parent)
            if parts is None:
                parts = self._parts[variable.parent] = []
            parts.append(number)
            if len(parts) > 1:
                return  # what is above knows already
            number = variable.parent
            variable = self.definitions.variable(number)

    def _shadow(self, number: int) -> Shadow | None:
        """Return a shadow that is not among those used lately; None for what was forgotten."""
        shadow = self.shadows.get(number)
        if shadow is not None:
            if shadow.container is not None:  # it is as young as its items
                self.shadows[shadow.container.number] = shadow.container
            self._parts.get(number)
            return shadow
        self._note_part(number)
        variable = self.definitions.variable(number)
        if variable is None and self.definitions.has_forgotten():
            return None
        container = None
        if variable is not None and variable.role == ops.ROLE_ITEM and variable.parent:
            above = variable.parent
            container = self.shadows.get(above) or self._shadow(above)
        by_hand = variable is not None and variable.role == ops.ROLE_NAMED
        shadow = Shadow(number, container, by_hand=by_hand)
        shadow.shared = number in self.definitions.shared
        if variable is not None and variable.has_value and number > self._newest_forgotten:
            shadow.value = variable.value
            shadow.has_value = True
        self.variables += 1
        self.shadows[number] = shadow
        return shadow

    def _forget(self, number: int, shadow: Shadow) -> None:
        self._newest_forgotten = max(number, self._newest_forgotten)
        self._untouch(shadow)

    def _untouch(self, shadow: Shadow) -> None:
        for trails in (shadow.trails, shadow.item_trails or ()):
            for actor in trails:
                self._touched.get(actor, set()).discard(shadow.number)

    # ------------------------------------------------------------ evidence

    def _raced(self, first: Access, second: Access, observed: bool) -> None:
        if self.judge.is_construction(first.site):
            return
        # Between an item and its container, the item is what it is about.
        variable = first.variable
        if variable != second.variable and self._is_item(second):
            variable = second.variable
        key = (variable, first.site.frames[0], second.site.frames[0])
        if not observed and self.judge.is_handed_over(second.site):
            return  # the lock that orders the two is how the second one came by the object
        known = self.races.get(key)
        if known is None:
            if len(self.races) >= EVIDENCE_KEPT:
                return
            self.definitions.variable_name(variable)  # while it is known
            severity = self._race_severity(first, second)
            self.races[key] = Race(variable, first, second, severity, observed=observed)
            return
        # Once for each access that races, whatever the number of those it races with.
        known.count += known.last != second.index
        known.last = second.index
        known.observed = known.observed or observed
        if known.severity != "critical":
            severity = self._race_severity(first, second)
            if SEVERITIES.index(severity) > SEVERITIES.index(known.severity):
                known.severity = severity
                known.first, known.second = first, second

    def _is_item(self, access: Access) -> bool:
        shadow = self.shadows.peek(access.variable)
        return shadow is not None and shadow.container is not None

    def _race_severity(self, first: Access, second: Access) -> Severity:
        if self._is_check_of_same(first, second):
            return "warning"
        if harmless.in_containers(first, second, self.judge):
            return "info"
        if first.kind in WRITES and second.kind in WRITES:
            if first.restores and second.restores:
                return "info"
            if first.update_of is not None or second.update_of is not None:
                return "critical"
            same = first.has_value and second.has_value and are_equal(first.value, second.value)
            return "info" if same else "warning"
        read, write = (first, second) if first.kind in READS else (second, first)
        if read.kind == ops.LENGTH:
            return "warning" if self._is_relied_on(read, write) else "info"
        if read.kind != ops.READ or write.kind not in {ops.WRITE, ops.GROW}:
            return "warning"
        if write.unchanged and write.update_of is None:
            return "info"
        if self.judge.is_polled(read.site) and self.judge.is_constant_write(write.site):
            return "info"
        if write.locks and self._is_double_checked(read, write):
            return "info"
        return "warning"

    def _is_check_of_same(self, first: Access, second: Access) -> bool:
        """Tell whether one is the check before what the other does: it would do the same.

        ``if k in d: d.pop(k)`` in two threads: mostly the second one finds nothing to pop.
        """
        read, write = (first, second) if first.kind in READS else (second, first)
        if (read.kind, write.kind) != (ops.READ, ops.UPDATE):
            return False
        if not self.judge.fails_when_gone(write):
            return False
        shadow = self.shadows.peek(read.variable)
        return shadow is not None and (read.site, write.site) in (shadow.linked or ())

    def _is_relied_on(self, read: Access, write: Access) -> bool:
        """Tell whether somebody acts on what is read at this place, and ``write`` matters to it."""
        shadow = self.shadows.peek(read.variable)
        relying = [last for first, last in (shadow and shadow.linked) or () if first is read.site]
        if write.kind in {ops.GROW, ops.UPDATE} and self.judge.asks_how_full(read.site):
            grows = write.kind == ops.GROW
            unharmed = self.judge.is_removal if grows else self.judge.is_insertion
            return not all(map(unharmed, relying))
        return bool(relying)

    def _is_double_checked(self, read: Access, write: Access) -> bool:
        """Tell whether a read without the lock is the first check, or the use of what it found."""
        shadow = self.shadows.peek(read.variable)
        trails = shadow.trails if shadow is not None else {}
        writer, reader = trails.get(write.actor.number), trails.get(read.actor.number)
        guarded = writer is not None and any(
            self.judge.is_guarded(entry, write) for entry in writer.accesses()
        )
        checks = self.judge.tests_presence if guarded else self.judge.is_double_checked
        if checks(read.site):
            return True
        function = read.site.frames[0][0]
        if reader is None or not (guarded or write.site.frames[0][0] == function):
            return False
        return any(
            entry.kind == ops.READ
            and entry.site.frames[0][0] == function
            and checks(entry.site)
            and self.judge.follows(entry.site, read.site)
            for entry in reader.accesses()
        )

    def has_counted(self, sequence: Sequence, other: Access, between: bool, observed: bool) -> bool:
        """Tell whether a violation has counted, and nothing about it is new.

        Many actors may break one sequence, and it is one violation.
        """
        first, second = sequence.first, sequence.second
        places = first.site.frames[0], second.site.frames[0], other.site.frames[0]
        known = self.violations.get((second.variable, first.kind, second.kind, *places))
        return (
            known is not None
            and known.last >= second.index
            and known.observed >= observed
            and known.between >= between
        )

    def _violated(self, sequence: Sequence, other: Access, between: bool, observed: bool) -> None:
        if self.has_counted(sequence, other, between, observed):
            return
        first, second = sequence.first, sequence.second
        if self.judge.is_construction(min(other, second, key=_index).site):
            return
        later = first if other.index < first.index else other
        if self.judge.is_swapped_out(later.site) or self._swaps_at_once(first, second):
            return  # whoever comes by the variable now finds another object
        if self.judge.is_swapped_out(first.site) and self.judge.is_swapped_out(second.site):
            return  # the same
        if not between and self._finds_it_gone(second, other):
            return
        if self._was_told(first, second, other) or self._builds_on(first, second, other):
            return
        if self._is_settled(sequence, other):
            return
        apart = not observed and first.locks.isdisjoint(other.locks)
        if apart and self.judge.is_handed_over(later.site):
            return  # as for races
        variable = second.variable
        places = first.site.frames[0], second.site.frames[0], other.site.frames[0]
        # One place may read and write: ``x.n += 1``.
        key = (variable, first.kind, second.kind, *places)
        known = self.violations.get(key)
        if known is not None:
            known.count += known.last < second.index
            known.last = max(known.last, second.index)
            known.observed = known.observed or observed
            if between and not known.between:
                known.sequence, known.other, known.between = sequence, other, True
            return
        if len(self.violations) >= EVIDENCE_KEPT:
            return
        self.definitions.variable_name(variable)  # while it is known
        lost = not sequence.takes and first.kind in READS | {ops.UPDATE} and second.kind in WRITES
        severity: Severity = "critical" if lost else "warning"
        found = Violation(variable, sequence, other, severity, between=between)
        found.observed = observed
        self.violations[key] = found

    def _is_settled(self, sequence: Sequence, other: Access) -> bool:
        """Tell whether the second access relies on nothing that ``other`` has changed."""
        first, second = sequence.first, sequence.second
        return (
            self.judge.leaves_added(first.site, second.site, other)
            or self._was_left(first, second)
            or self._is_about_items(sequence, other)
        )

    def _was_left(self, first: Access, second: Access) -> bool:
        """Tell whether the call that both seem to belong to was over in between.

        It was, if a lock that had been taken for the call has been released and taken once more.
        What an access takes for itself, as ``Value.value`` does, says nothing about the call.
        """
        return any(
            one.lock == two.lock
            and one.serial != two.serial
            and self.judge.is_other_call((first.site, one.site), (second.site, two.site))
            for one in first.held
            if one.actor is first.actor and one.site is not first.site
            for two in second.held
            if two.site is not second.site
        )

    def _is_about_items(self, sequence: Sequence, other: Access) -> bool:
        """Tell whether a walk has only named the items that are taken out of the container."""

        def is_item(access: Access) -> bool:
            known = self.definitions.variable(access.variable)
            return known is not None and known.parent == other.variable

        return named_items.does_no_harm(sequence, other, self.judge, is_item)

    def is_about_others(self, violation: Violation) -> bool:
        """Tell whether what somebody has put into a container is no item that was taken out."""
        shadows = self.shadows
        number = violation.variable
        items = [
            shadow
            for generation in (shadows.young, shadows.old)
            for shadow in generation.values()
            if shadow.container is not None and shadow.container.number == number
        ]
        return named_items.is_another_one(violation.sequence, violation.other, self.judge, items)

    def look_back(self) -> None:
        """Look for sequences that begin in a container and end in one of its items."""
        shadows = self.shadows
        for shadow in [*shadows.young.values(), *shadows.old.values()]:
            for sequence, other in named_items.lookups(shadow, self.judge):
                atomicity.judge(shadow, sequence, other, self._violated, self.pairs.matters)

    def _swaps_at_once(self, first: Access, second: Access) -> bool:
        """Tell whether another object was put in place before anybody could come in.

        The function of ``second`` does so, and did it in the turn or critical section of ``first``.
        """
        return self.judge.is_swapped_out(second.site) and any(
            one.kind == ops.WRITE
            and first.index < one.index < second.index
            and self.judge.swaps_out(one.site, second.site)
            and (
                not one.sections.isdisjoint(first.sections)
                or (one.segment == first.segment and first.actor.turn is not None)
            )
            for one in first.actor.latest.values()
        )

    def _was_told(self, first: Access, second: Access, other: Access) -> bool:
        """Tell whether the second read looks afresh at what its actor was told of.

        After ``if link.state is not OPENING: await opened.wait()`` a look at ``link.state`` is for
        what has become of it.
        """
        return (
            first.kind in READS
            and second.kind in READS
            and second.base.get(other.actor.number, -1) >= other.epoch
            and self.judge.is_only_tested(first.site, second.site, second.kind)
        )

    def _builds_on(self, first: Access, second: Access, other: Access) -> bool:
        """Tell whether what was written is still there, in what ``other`` has made of it.

        Of a changed copy of a table that is put in the place of the table, say.
        """
        read = first.update_of
        return (
            second.kind in READS
            and read is not None
            and (other.update_of is not None or other.site is first.site)
            and self.judge.is_computed(read.site, first.site)
        )

    def _finds_it_gone(self, second: Access, other: Access) -> bool:
        """Tell whether ``other`` takes out what was not there: else nothing would be put in."""
        return (
            second.kind == ops.GROW
            and other.kind == ops.UPDATE
            and self._is_item(second)
            and self.judge.is_removal(other.site)
        )


def _index(access: Access) -> int:
    return access.index
