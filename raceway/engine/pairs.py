"""What the source says about two places of one actor, each question asked once.

The judge is asked for every sequence that a program makes, and one loop makes millions of the same
two places.
"""

from __future__ import annotations

from raceway.engine.judge import Judge, Pattern
from raceway.engine.shadow import place
from raceway.engine.stamped import Access

CHECKS = frozenset({Pattern.R_W_W, Pattern.R_W_R})
"""Patterns in which the first access may be a check that the actor acts on at once."""


PLACE_BITS = 40


class Pair:
    """Two places that belong together.

    Attributes:
        first: Number of the first place, :func:`raceway.engine.shadow.place`.
        pattern: How a sequence of the two can be broken.
        is_tested: Whether the second access depends on a test of what the first one read only.
        unharmed_by: A kind of accesses of others that do it no harm, or -1.
        first_empties: Whether the first stores an empty container; asked for W_R_W only.
        second_empties: Whether the second does; likewise.
        adds: Whether the second computes a new value from the old one; likewise.
        crosses: Whether the second may be in a call that others have resumed than the first.
        past: Whether the first access is over for the second one if its place was reached again;
            None before that was asked.
        rechecks: By place: whether a read there guards the second access.
    """

    __slots__ = (
        "adds", "crosses", "first", "first_empties", "is_tested", "past", "pattern", "rechecks",
        "second_empties", "unharmed_by",
    )  # fmt: skip

    def __init__(self, first: int, pattern: Pattern, *, is_tested: bool, unharmed_by: int) -> None:
        self.first = first
        self.pattern = pattern
        self.is_tested = is_tested
        self.unharmed_by = unharmed_by
        self.first_empties = self.second_empties = self.adds = self.crosses = False
        self.past: bool | None = None
        self.rechecks: dict[int, bool] = {}


class Pairs:
    """The pairs of a process.

    Args:
        judge: Is asked.

    Attributes:
        matters: Tells whether what was read under a lock makes a difference to a later access.
        known: By ``first << PLACE_BITS | second``; None for what does not belong together.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.matters = judge.matters
        self.known: dict[int, Pair | None] = {}

    def of(self, first: Access, second: Access, by_hand: bool) -> Pair | None:
        """Return the pair of two accesses' places; None if they do not belong together.

        Args:
            first: The earlier access.
            second: The later one.
            by_hand: The accesses were reported by calls of the program.
        """
        key = place(first) << PLACE_BITS | place(second)
        try:
            return self.known[key]
        except KeyError:
            pair = self.known[key] = self._asked(first, second, by_hand=by_hand)
            return pair

    def _asked(self, first: Access, second: Access, *, by_hand: bool) -> Pair | None:
        judge = self._judge
        pattern = judge.pattern(first, second, by_hand=by_hand)
        if pattern is None:
            return None
        is_tested = pattern in CHECKS and judge.is_only_tested(first.site, second.site, second.kind)
        unharmed_by = judge.unharmed_by(first, second)
        pair = Pair(place(first), pattern, is_tested=is_tested, unharmed_by=unharmed_by)
        if pattern is Pattern.W_R_W:
            pair.first_empties = judge.stores_empty(first)
            pair.second_empties = judge.stores_empty(second)
            pair.adds = judge.is_update(second.site)
        pair.crosses = judge.crosses_calls(first.site, second.site)
        return pair

    def is_superseded(self, first: Access, middle: Access, second: Access) -> bool:
        """Tell whether ``middle`` is the same place as ``first``, in the call of ``second``."""
        return self._judge.is_superseded(first.site, middle.site, second.site)

    def is_past(self, pair: Pair, first: Access, second: Access) -> bool:
        """Tell whether the first access is over for the second: its place was reached again."""
        if pair.past is None:
            pair.past = self._judge.is_past(first.site, second.site)
        return pair.past

    def is_recheck(self, pair: Pair, first: Access, middle: Access, second: Access) -> bool:
        """Tell whether the read in the middle guards the second access."""
        key = place(middle)
        answer = pair.rechecks.get(key)
        if answer is None:
            answer = self._judge.is_recheck(first.site, middle.site, second.site)
            if pair.pattern is Pattern.R_W_R and pair.is_tested:
                # Who has tested again goes by that, whatever was found before.
                answer = answer or self._judge.is_tested(middle.site)
            pair.rechecks[key] = answer
        return answer
