"""Lock-order inversions: a cycle in the order in which locks are taken.

Goodlock (K. Havelund, SPIN 2000, with the gate locks and the happens-before filter of later
versions): an edge ``outer -> inner`` says that some actor waited for ``inner`` while it held
``outer``.  A cycle whose edges come from different actors can become a deadlock unless the actors
all hold one more lock at that moment (a gate), or cannot be there at the same time: one has ended,
or has let the other go on by an event, a queue or a result, after its locks were free again.  The
order in which mutexes, conditions among them, happened to be taken does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from raceway.engine.stamped import ActorReplay, LockOrder

EDGES_KEPT = 16
"""Examples kept for each pair of locks."""
LONGEST_CYCLE = 5
PAIRS_KEPT = 100_000
"""Pairs of locks whose order is remembered."""
PATHS_TRIED = 20_000
"""Cycles that are looked at among locks that all depend on each other."""


Key = tuple[int, int, int, frozenset[int], bool]


class LockOrderGraph:
    """The edges of one process."""

    def __init__(self) -> None:
        self._edges: dict[int, dict[int, dict[Key, LockOrder]]] = {}
        self._pairs = 0
        self._serial = 0

    def add(self, edge: LockOrder) -> None:
        """Remember an edge; the first and the latest for each actor, place and set of held locks.

        Of a loop that sends its results, the first pass may be over when another actor takes the
        opposite order, and the latest is not.
        """
        inner = self._edges.setdefault(edge.outer, {})
        examples = inner.get(edge.inner)
        if examples is None:
            if self._pairs >= PAIRS_KEPT:
                return
            self._pairs += 1
            examples = inner[edge.inner] = {}
        self._serial += 1
        edge.serial = self._serial
        place = (edge.actor.number, edge.outer_site.number, edge.inner_site.number, edge.held)
        key = (*place, (*place, False) in examples)
        if len(examples) >= EDGES_KEPT and key not in examples:
            # Whoever has retired comes before all edges that are still to come.
            over = next((one for one, old in examples.items() if old.actor.retired), None)
            if over is None:
                return
            del examples[over]
        examples[key] = edge

    def retire(self, actor: ActorReplay) -> None:
        """Take note that an actor has ended before all edges that are still to come."""
        actor.retired = self._serial + 1

    def cycles(self) -> Iterator[tuple[LockOrder, ...]]:
        """Yield one example of each cycle that can deadlock, each set of locks once."""
        for component in self._components():
            seen: set[frozenset[int]] = set()
            paths = chain.from_iterable(
                self._paths([start], component) for start in sorted(component)
            )
            for path in islice(paths, PATHS_TRIED):
                locks = frozenset(path)
                if locks in seen:
                    continue
                found = self._example(path)
                if found is not None:
                    seen.add(locks)
                    yield found

    def _components(self) -> list[set[int]]:
        """Return the strongly connected components of more than one lock.

        Only there can a cycle be: a program that takes a thousand locks in one order has none.
        Source: R. Tarjan, "Depth-first search and linear graph algorithms", 1972; iterative.
        """
        number: dict[int, int] = {}
        low: dict[int, int] = {}
        stack: list[int] = []
        on_stack: set[int] = set()
        found: list[set[int]] = []
        for root in list(self._edges):
            if root in number:
                continue
            work: list[tuple[int, Iterator[int]]] = []

            def visit(lock: int, work: list[tuple[int, Iterator[int]]] = work) -> None:
                number[lock] = low[lock] = len(number)
                stack.append(lock)
                on_stack.add(lock)
                work.append((lock, iter(self._edges.get(lock, ()))))

            visit(root)
            while work:
                lock, following = work[-1]
                for other in following:
                    if other not in number:
                        visit(other)
                        break
                    if other in on_stack:
                        low[lock] = min(low[lock], number[other])
                else:
                    work.pop()
                    if work:
                        above = work[-1][0]
                        low[above] = min(low[above], low[lock])
                    if low[lock] == number[lock]:
                        component = set()
                        while lock not in component:
                            member = stack.pop()
                            on_stack.discard(member)
                            component.add(member)
                        if len(component) > 1:
                            found.append(component)
        return found

    def _paths(self, path: list[int], component: set[int]) -> Iterator[list[int]]:
        """Yield the cycles that begin at ``path[0]``, which is their smallest lock."""
        for lock in self._edges.get(path[-1], ()):
            if lock == path[0] and len(path) > 1:
                yield list(path)
            elif (
                lock > path[0]
                and lock in component
                and lock not in path
                and len(path) < LONGEST_CYCLE
            ):
                yield from self._paths([*path, lock], component)

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
    if one.actor is two.actor or not one.held.isdisjoint(two.held):
        return False
    if _is_over(one.actor, two) or _is_over(two.actor, one):
        return False
    return (
        one.life.get(two.actor.number, -1) < two.epoch
        and two.life.get(one.actor.number, -1) < one.epoch
    )


def _is_over(actor: ActorReplay, edge: LockOrder) -> bool:
    """Tell whether ``actor`` had retired when ``edge`` came."""
    return 0 < actor.retired <= edge.serial
