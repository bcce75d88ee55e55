"""Which operations of CPython conflict.

Under the GIL, and on free-threaded builds by per-object locks, single operations on the built-in
containers are atomic; CPython's documentation ("Thread safety guarantees", library reference)
lists them.  Two atomic operations whose order makes no difference that a program can rely on do
not race: two appends, two insertions of different keys, an append and a ``pop()``.

Two relations are needed.  :data:`RACES`: unordered, the two are a data race.  :data:`STALE`: the
second makes what the first has seen out of date, so a program that acts on it later is wrong;
here even atomic operations count, since the question is what lies between two of them.
"""

from __future__ import annotations

from raceway.model import ops

WRITES = frozenset({ops.WRITE, ops.UPDATE, ops.GROW})
"""Kinds that change something."""
READS = frozenset({ops.READ, ops.LENGTH, ops.ITERATE, ops.SCAN, ops.STEP})
"""Kinds that only look."""


def _both_ways(*pairs: tuple[int, int]) -> frozenset[tuple[int, int]]:
    return frozenset(pairs) | frozenset((two, one) for one, two in pairs)


RACES = _both_ways(
    (ops.READ, ops.WRITE),
    (ops.WRITE, ops.WRITE),
    # a member of a set: adds commute, but a test beside one sees either.
    (ops.READ, ops.GROW),
    # pop() of a key beside d[key], which fails then; where it does not, it is "information".
    (ops.READ, ops.UPDATE),
    # pop() or setdefault() of a key against d[key] = value: one of the two is lost.
    (ops.UPDATE, ops.WRITE),
    # clear(), sort(), insert() against an insertion: what is left depends on the order.
    (ops.GROW, ops.WRITE),
    # The size is read to decide something; where it is not, the engine says "information".
    (ops.LENGTH, ops.GROW),
    (ops.LENGTH, ops.UPDATE),
    (ops.LENGTH, ops.WRITE),
    # "dictionary changed size during iteration", items skipped or seen twice.
    (ops.ITERATE, ops.GROW),
    (ops.ITERATE, ops.UPDATE),
    (ops.ITERATE, ops.WRITE),
    (ops.SCAN, ops.GROW),
    (ops.SCAN, ops.UPDATE),
    (ops.SCAN, ops.WRITE),
    (ops.STEP, ops.GROW),
    (ops.STEP, ops.UPDATE),
    (ops.STEP, ops.WRITE),
)
"""Pairs of kinds on one variable that race if nothing orders them."""

ITEM_RACES = RACES | _both_ways(
    # pop(key) fails if it comes before the insertion.
    (ops.UPDATE, ops.GROW),
)
"""The same for one item of a container."""

STALE = _both_ways(
    (ops.READ, ops.WRITE),
    (ops.READ, ops.UPDATE),
    (ops.READ, ops.GROW),
    (ops.LENGTH, ops.GROW),
    (ops.LENGTH, ops.UPDATE),
    (ops.LENGTH, ops.WRITE),
    (ops.ITERATE, ops.GROW),
    (ops.ITERATE, ops.UPDATE),
    (ops.ITERATE, ops.WRITE),
    (ops.SCAN, ops.GROW),
    (ops.SCAN, ops.UPDATE),
    (ops.SCAN, ops.WRITE),
    (ops.STEP, ops.GROW),
    (ops.STEP, ops.UPDATE),
    (ops.STEP, ops.WRITE),
    (ops.WRITE, ops.WRITE),
    (ops.UPDATE, ops.WRITE),
    (ops.UPDATE, ops.UPDATE),
    # An own insertion that is looked for again: in between it was replaced or taken.
    (ops.GROW, ops.WRITE),
    (ops.GROW, ops.UPDATE),
)
"""Pairs of kinds on one variable of which one makes what the other saw or did out of date."""

WORDS = {
    ops.READ: "read",
    ops.WRITE: "write",
    ops.UPDATE: "update",
    ops.GROW: "insert",
    ops.LENGTH: "length",
    ops.ITERATE: "iterate",
    ops.SCAN: "read all",
    ops.STEP: "iterate",
}
"""What a report calls the kinds."""
