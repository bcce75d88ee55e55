"""Lock-order inversions: a cycle in the order in which locks are taken.

Goodlock (K. Havelund, SPIN 2000, with the gate locks and the happens-before filter of later
versions): an edge ``outer -> inner`` says that some actor waited for ``inner`` while it held
``outer``.  A cycle whose edges come from different actors can become a deadlock unless the actors
all hold one more lock at that moment (a gate), or cannot run at the same time: one has ended before
the other began.  Order by queues and events does not count: what was sent at one place may be sent
earlier or later in another run.
"""

from __future__ import annotations

from collections.abc import Iterator

from raceway.engine.stamped import LockOrder

EDGES_KEPT = 16
"""Examples kept for each pair of locks."""
LONGEST_CYCLE = 5


class LockOrderGraph:
    """The edges of one process."""

    def __init__(self) -> None:
        self._edges: dict[int, dict[int, dict[tuple[int, int, int], LockOrder]]] = {}

    def add(self, edge: LockOrder) -> None:
        """Remember an edge; the latest for each actor and place."""
        examples = self._edges.setdefault(edge.outer, {}).setdefault(edge.inner, {})
        key = (edge.actor.number, edge.outer_site.number, edge.inner_site.number)
        if key in examples or len(examples) < EDGES_KEPT:
            examples[key] = edge

    def cycles(self) -> Iterator[tuple[LockOrder, ...]]:
        """Yield one example of each cycle that can deadlock, each set of locks once."""
        seen: set[frozenset[int]] = set()
        for start in sorted(self._edges):
            for path in self._paths([start]):
                locks = frozenset(path)
                if locks in seen:
                    continue
                found = self._example(path)
                if found is not None:
                    seen.add(locks)
                    yield found

    def _paths(self, path: list[int]) -> Iterator[list[int]]:
        """Yield the cycles that begin at ``path[0]``, which is their smallest lock."""
        for lock in self._edges.get(path[-1], ()):
            if lock == path[0] and len(path) > 1:
                yield list(path)
            elif lock > path[0] and lock not in path and len(path) < LONGEST_CYCLE:
                yield from self._paths([*path, lock])

    def _example(self, path: list[int]) -> tuple[LockOrder, ...] | None:
        pairs = zip(path, [*path[1:], path[0]], strict=True)
        return self._choose([list(self._edges[one][two].values()) for one, two in pairs], ())

    def _choose(
        self, choices: list[list[LockOrder]], chosen: tuple[LockOrder, ...]
    ) -> tuple[LockOrder, ...] | None:
        if not choices:
            return chosen
        for edge in choices[0]:
            if all(_together(edge, other) for other in chosen):
                found = self._choose(choices[1:], (*chosen, edge))
                if found is not None:
                    return found
        return None


def _together(one: LockOrder, two: LockOrder) -> bool:
    """Tell whether two actors can be at their edges at the same time."""
    if one.actor is two.actor or not one.gates.isdisjoint(two.gates):
        return False
    return (
        one.life.get(two.actor.number, -1) < two.epoch
        and two.life.get(one.actor.number, -1) < one.epoch
    )
