"""Atomicity violations: a sequence of one actor that another one can get into.

Four patterns of accesses first - other - second cannot be put into any serial order (S. Lu et al.,
"AVIO: Detecting Atomicity Violations via Access Interleaving Invariants", ASPLOS 2006):

=====  ==========================================================================
R W W  the value that the write relies on is out of date: a lost update, a stale check; or what the
       other added is neither in the value that was taken nor left after the reset
R W R  two reads that should see the same do not
W W R  the own write is not there any more
W R W  somebody sees a state that was never meant to be seen
=====  ==========================================================================

A candidate is reported only if the program *means* the two accesses as one: see
:mod:`raceway.engine.dependence`.
"""

from __future__ import annotations

from collections.abc import Callable

from raceway.engine.commutes import READS, STALE, WRITES
from raceway.engine.judge import Pattern
from raceway.engine.order import Matters, can_wait_between, excluded, full_before, must_precede
from raceway.engine.pairs import Pair, Pairs
from raceway.engine.shadow import Sequence, Shadow, Trail, is_plain, place
from raceway.engine.stamped import Access
from raceway.model import ops

ReportViolation = Callable[[Sequence, Access, bool, bool], None]


_UPDATES = frozenset(
    {(ops.READ, ops.WRITE), (ops.READ, ops.GROW), (ops.UPDATE, ops.WRITE)}
)  # fmt: skip
"""Kinds of a read, and of the write that puts what was computed from it in its place."""
_WRITING = sum(1 << kind for kind in WRITES)
_READING = sum(1 << kind for kind in READS)


def check(
    shadow: Shadow, mine: Trail | None, access: Access, pairs: Pairs, report: ReportViolation
) -> None:
    """Look for sequences that end in ``access`` and for those that it breaks.

    Args:
        shadow: Of the variable; ``access`` is not in it yet.
        mine: What the same actor did to it before.
        access: The new access.
        pairs: Knows which places belong together.
        report: Called with the sequence, the access that breaks it, whether it really came in
            between in this run, and whether at least nothing but chance kept it from doing so.
    """
    _break(shadow, access, report, pairs.matters)
    if mine is None:
        return
    for first, pair in _firsts(shadow, mine, access, pairs):
        ended = _sequence(shadow, mine, first, access, pair, pairs)
        if ended is not None:
            shadow.keep_sequence(mine, ended)
            _is_broken(shadow, mine, ended, report, pairs.matters)


def _break(shadow: Shadow, access: Access, report: ReportViolation, matters: Matters) -> None:
    """Look for sequences of others that an access breaks."""
    actor = access.actor
    # Where all take turns on one thread, what no switch divides cannot be broken.
    trails = shadow.switched if shadow.group == actor.group else shadow.sequenced
    if not trails:
        return
    writes = access.kind in WRITES
    plain = is_plain(access)
    for number, trail in trails.items():
        if (
            trail.actor is actor
            or access.base.get(number, -1) >= trail.epoch
            or (plain and not access.locks.isdisjoint(trail.covered))
        ):
            continue  # whatever it did
        for sequence in trail.sequences.values() if trail.sequences else ():
            if sequence.broken_by_write is writes:
                judge(shadow, sequence, access, report, matters)


def _is_broken(
    shadow: Shadow, mine: Trail, ended: Sequence, report: ReportViolation, matters: Matters
) -> None:
    """Look for earlier accesses of others that break a sequence, or might have."""
    group = mine.actor.group
    if ended.at_once and shadow.group == group:
        return
    breaking = _WRITING if ended.broken_by_write else _READING
    known = ended.first.base
    for number, trail in shadow.trails.items():
        if (
            trail is mine
            or not trail.kinds & breaking
            or known.get(number, -1) >= trail.epoch
            or (trail.plain and not ended.locks.isdisjoint(trail.locks))
            or (ended.at_once and trail.actor.group == group)
        ):
            continue  # whatever it did
        for other in trail.accesses():
            if breaking >> other.kind & 1:
                judge(shadow, ended, other, report, matters)


def _firsts(shadow: Shadow, mine: Trail, second: Access, pairs: Pairs) -> list[tuple[Access, Pair]]:
    """Return the accesses with which a sequence may begin that ends in ``second``."""
    key = place(second)
    if mine.firsts is None:
        mine.firsts = {}
    found = mine.firsts.get(key)
    if found is None:
        asked = [pairs.of(first, second, shadow.by_hand) for first in mine.places.values()]
        found = mine.firsts[key] = tuple([pair for pair in asked if pair is not None])
    firsts = [(mine.places[pair.first], pair) for pair in found]
    if len(firsts) > 1:
        firsts.sort(key=_index)
    return firsts


def _index(first: tuple[Access, Pair]) -> int:
    return first[0].index


def _sequence(
    shadow: Shadow, mine: Trail, first: Access, second: Access, pair: Pair, pairs: Pairs
) -> Sequence | None:
    """Return the sequence that the two make, if they make one."""
    pattern = pair.pattern
    if _was_reached_again(first) and pairs.is_past(pair, first, second):
        return None
    if pattern is Pattern.W_R_W and not _leaves_hole(first, second, pair):
        return None
    if first.kind == ops.UPDATE and second.kind == ops.GROW and shadow.container is None:
        return None  # what was popped is the actor's own: putting it back relies on nothing
    if pattern is Pattern.R_W_W and (first.kind, second.kind) in _UPDATES and not second.restores:
        second.update_of = first
    takes = pattern is Pattern.TAKEN
    rechecks: tuple[Access, ...] = ()
    claims: tuple[Access, ...] = ()
    after = first.index
    # All that is there comes before the second access.
    middle = [access for access in mine.places.values() if access.index > after]
    if middle:
        if pattern is Pattern.W_W_R and any(access.kind in WRITES for access in middle):
            return None  # it is the later write that the read is about
        if pair.crosses and any(
            access.kind == first.kind and pairs.is_superseded(first, access, second)
            for access in middle
        ):
            return None
        rechecks = tuple(
            access
            for access in middle
            if access.kind in READS and (takes or pairs.is_recheck(pair, first, access, second))
        )
        if pair.is_tested:
            claims = tuple(access for access in middle if access.kind in WRITES)
    writes = pattern is not Pattern.W_R_W
    return Sequence(first, second, rechecks, claims, writes, takes, pair.unharmed_by)


def _was_reached_again(first: Access) -> bool:
    """Tell whether its actor has been at this place since, on another variable.

    One operation may access several at once, but only in one critical section and turn.
    """
    latest = first.actor.latest.get(place(first), first)
    return latest.index > first.index and (
        latest.sections != first.sections or latest.segment != first.segment
    )


def _leaves_hole(first: Access, second: Access, pair: Pair) -> bool:
    """Tell whether "nothing" is stored first, and something in its place later."""
    if not _is_hole(first, pair.first_empties) or _is_hole(second, pair.second_empties):
        return False
    # What is added to what others have put there meanwhile needs it to be empty: it was taken.
    return first.has_value or not pair.adds


def _is_hole(access: Access, empties: bool) -> bool:
    stores = access.kind in {ops.WRITE, ops.GROW}
    return stores and (access.value is None if access.has_value else empties)


def judge(
    shadow: Shadow, sequence: Sequence, other: Access, report: ReportViolation, matters: Matters
) -> None:
    """Report ``sequence`` if ``other`` breaks it and can come in between."""
    first, second = sequence.first, sequence.second
    if not _breaks(sequence, other):
        return
    if excluded(sequence.sections, second.borrowed, other):
        return
    worker = first.actor.worker
    if worker and other.actor.worker == worker and not shadow.shared:
        return
    if (
        first.segment == second.segment
        and other.actor.group == first.actor.group
        and not can_wait_between(first, second)
    ):
        return  # no switch in between: cooperative actors cannot come in
    variable = shadow.number
    index = other.index
    between = False
    if index < first.index:
        if must_precede(other, first, variable, matters, second):
            return
        observed = not full_before(other, first)
    elif index > second.index:
        if must_precede(second, other, variable, matters):
            return
        observed = not full_before(second, other)
    else:
        between = observed = True
        if must_precede(first, other, variable, matters) and must_precede(
            other, second, variable, matters
        ):
            return
    if _checked_again(sequence, other):
        return
    report(sequence, other, between, observed)


def _breaks(sequence: Sequence, other: Access) -> bool:
    if other.unchanged and other.update_of is None:
        return False
    if sequence.takes and other.update_of is None and other.kind != ops.GROW:
        return False  # nothing was added
    if other.kind == sequence.unharmed_by:
        return False
    return not sequence.broken_by_write or (sequence.first.kind, other.kind) in STALE


def _checked_again(sequence: Sequence, other: Access) -> bool:
    """Tell whether the first access does no harm, whatever ``other`` does in between.

    So it is if a later check, which ``other`` cannot invalidate, decides about the second access.
    And if the actor has acted on its check at once: it has claimed a slot, and gives it back later.
    """
    first, second = sequence.first, sequence.second
    return any(are_one(check, second, other) for check in sequence.rechecks) or any(
        are_one(first, claim, other) for claim in sequence.claims
    )


def are_one(one: Access, two: Access, other: Access) -> bool:
    """Tell whether ``other`` cannot come in between two accesses of one actor."""
    if excluded(one.sections & two.sections, two.borrowed, other):
        return True
    return (
        one.segment == two.segment
        and other.actor.group == two.actor.group
        and not can_wait_between(one, two)
    )
