"""The order that replay keeps in clocks, once more: by transitive closure over a whole history.

Written from the description in docs/design.md, without clocks and without limits.
"""

from __future__ import annotations

from itertools import pairwise

from oracle import ACCESSES, DROPS, TAKES, History

from raceway.model import ops


class Order:
    """Which op comes before which.

    Args:
        history: What happened.
        edges: Pairs of ops, beside what is so in every order.
        halves: Apply the second rule of WCP.
    """

    def __init__(
        self, history: History, edges: set[tuple[int, int]] = frozenset(), *, halves: bool = True
    ) -> None:
        self.history = history
        self._into = [set(needs) for needs in history.required]
        for row in history.rows:
            for one, two in pairwise(row):
                self._into[two].add(one)
        for one, two in {*edges, *_turns(history)}:
            self._into[two].add(one)
        self._close()
        while halves and self._complete():
            self._close()

    def __call__(self, one: int, two: int) -> bool:
        """Tell whether ``one`` comes before ``two``."""
        return bool(self._before[two] >> one & 1)

    def _close(self) -> None:
        # Every edge leads forward in the history, so that one pass is enough.
        self._before: list[int] = []
        for into in self._into:
            before = 0
            for one in into:
                before |= 1 << one | self._before[one]
            self._before.append(before)

    def _complete(self) -> bool:
        """Order sections of which one knows the beginning of the other."""
        found = False
        sections = self.history.sections
        for one in sections:
            for two in sections:
                if one.lock != two.lock or one.actor == two.actor or one.dropped is None:
                    continue
                for inside in self.history.rows[two.actor]:
                    if (
                        max(two.taken, one.dropped) <= inside
                        and (two.dropped is None or inside <= two.dropped)
                        and self(one.taken, inside)
                        and not self(one.dropped, inside)
                    ):
                        self._into[inside].add(one.dropped)
                        found = True
        return found


def _turns(history: History) -> set[tuple[int, int]]:
    """Who hears of an op of its group that is not over has begun after the end of that turn."""
    last = {(op.actor, history.segments[i]): i for i, op in enumerate(history.ops)}
    found = set()
    for two, needs in enumerate(history.required):
        for one in needs:
            sender, receiver = history.ops[one].actor, history.ops[two].actor
            if sender != receiver and history.groups[sender] == history.groups[receiver]:
                found.add((last[sender, history.segments[one]], two))
    return found


def conflict(history: History, one: int, two: int) -> bool:
    """Tell whether the order of two accesses makes a difference."""
    first, second = history.ops[one], history.ops[two]
    if first.subject != second.subject:
        return False
    kinds = {first.op, second.op}
    return bool(kinds & {ops.WRITE, ops.UPDATE}) or kinds == {ops.READ, ops.GROW}


def _conflicts(history: History, without: int | None) -> set[tuple[int, int]]:
    """The first rule of WCP: the end of a section before an access that conflicts with it."""
    return {
        (one.dropped, access)
        for one in history.sections
        for two in history.sections
        if one.lock == two.lock
        and one.actor != two.actor
        and one.dropped is not None
        and one.dropped < two.taken
        for access in two.accesses
        if history.ops[access].subject != without
        and any(conflict(history, other, access) for other in one.accesses)
    }


def base(history: History) -> Order:
    """What holds in every run."""
    return Order(history)


def hard(history: History, *, without: int | None = None) -> Order:
    """Causality; ``without`` that which comes from conflicts on one variable."""
    return Order(history, _conflicts(history, without))


def full(history: History) -> Order:
    """Classic happens-before: the order of this run."""
    edges = set()
    dropped: dict[int, int] = {}
    for index, op in enumerate(history.ops):
        if op.op in TAKES and op.subject in dropped:
            edges.add((dropped[op.subject], index))
        if op.op in DROPS:
            dropped[op.subject] = index
    return Order(history, edges)


def races(history: History) -> set[tuple[int, int]]:
    """Return the data races that the engine should find."""
    order = hard(history)
    return {
        (one, two)
        for two in range(len(history.ops))
        for one in range(two)
        if history.race(one, two)
        and not history.locks[one] & history.locks[two]
        and not order(one, two)
    }


def unprotected(history: History) -> frozenset[int]:
    """Return the accesses that nothing orders against a conflicting one.

    What such an access sees is anybody's guess, and whatever follows from it is no promise.
    """
    order = hard(history)
    found = set()
    for two, second in enumerate(history.ops):
        for one, first in enumerate(history.ops[:two]):
            if (
                first.op in ACCESSES
                and second.op in ACCESSES
                and conflict(history, one, two)
                and history.groups[first.actor] != history.groups[second.actor]
                and not history.locks[one] & history.locks[two]
                and not order(one, two)
            ):
                found |= {one, two}
    return frozenset(found)


def meant(history: History, first: int, other: int, second: int) -> bool:
    """Tell whether an order that another variable is the reason for keeps ``other`` out.

    A sequence could be interrupted in another order of critical sections, but in that order the
    program might have seen something else in the other variable, and taken another way.
    """
    order = hard(history, without=history.ops[first].subject)
    if other < first:
        return order(other, first)
    if other > second:
        return order(second, other)
    return order(first, other) and order(other, second)
