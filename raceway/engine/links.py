"""How two places of one call hang together: through its own source and that of its callees.

The walk of :mod:`raceway.engine.dependence` looks at the function that both places were reached
from.  What the functions in between do with the value corrects its answer.
"""

from __future__ import annotations

from typing import Literal

from raceway.engine import container_shapes, dependence, flow_calls, passes
from raceway.engine.definitions import Definitions
from raceway.engine.dependence import Link, Verdict
from raceway.engine.places import Places, SourceProvider
from raceway.engine.stamped import Site

Kind = Literal["read", "write"]
Kinds = tuple[Kind, Kind]
Depths = tuple[int, int]

NO_LINK = Link(Verdict.NONE)
"""The second place cannot come after the first."""
NOT_LINKED = Link(Verdict.SAME_FUNCTION)
"""It can, and does not rely on it."""


class Links(Places):
    """Tells how two places hang together; the answers depend on places only, so they are kept.

    Args:
        definitions: What code ids stand for.
        sources: Returns the text of a file, or None.
    """

    def __init__(self, definitions: Definitions, sources: SourceProvider) -> None:
        super().__init__(definitions, sources)
        self._links: dict[tuple[int, int, Kind, Kind], Link] = {}
        self._past: dict[int, bool] = {}
        self._other_calls: dict[tuple[int, int, int, int], bool] = {}

    def link(self, first: Site, second: Site, first_kind: Kind, second_kind: Kind) -> Link:
        """Tell whether an access at ``second`` relies on an earlier one at ``first``."""
        key = (first.number, second.number, first_kind, second_kind)
        answer = self._links.get(key)
        if answer is None:
            answer = self._links[key] = self._link(first, second, first_kind, second_kind)
        return answer

    def _link(self, first: Site, second: Site, first_kind: Kind, second_kind: Kind) -> Link:
        depths = self.common_call(first, second)
        if depths is None:
            return NO_LINK
        i, j = depths
        one, two = self._place(first, i), self._place(second, j)
        if one is None or two is None:
            return self._guess(first, second, i, j, second_kind)
        same_line = one[1].column is None and one[1].line == two[1].line
        if same_line and first.frames[i][1] >= second.frames[j][1]:
            # Python 3.10 knows lines only; on one line the order of the instructions decides.
            return NO_LINK
        kinds = first_kind, second_kind
        answer = self._dependence(first, second, depths, kinds)
        if answer.verdict is Verdict.UNKNOWN:
            return self._guess(first, second, i, j, second_kind)
        if first_kind == "read":
            return self._through_calls(first, second, depths, kinds, answer)
        return answer

    def _dependence(
        self, first: Site, second: Site, depths: Depths, kinds: Kinds, *, control_only: bool = False
    ) -> Link:
        """Ask about the two in their common caller.

        In a callee an access is a call: what it gives back is read, what it is given is written.
        """
        one, two = self._place(first, depths[0]), self._place(second, depths[1])
        if one is None or two is None:
            return Link(Verdict.UNKNOWN)
        return dependence.link(
            one[0], one[1], two[1],
            first_kind=kinds[0], second_kind=kinds[1], control_only=control_only,
        )  # fmt: skip

    def _through_calls(
        self, first: Site, second: Site, depths: Depths, kinds: Kinds, answer: Link
    ) -> Link:
        """Correct what the common caller's source says by what the callees do with the value."""
        if answer.linked:
            if not self._gets_out(first, depths[0]):
                return Link(Verdict.NONE, back_edge=True) if answer.back_edge else NOT_LINKED
            if answer.verdict is Verdict.DATA and not self._gets_in(first, second, depths, kinds):
                return self._dependence(first, second, depths, kinds, control_only=True)
            if answer.verdict is Verdict.DATA and self._only_decides(first, depths[0]):
                answer = Link(Verdict.CONTROL, answer.back_edge)
            if kinds[1] == "read" and self._checks_again(second, depths[1]):
                return Link(Verdict.RECHECK, answer.back_edge)
            return answer
        if answer == NOT_LINKED and self._is_kept(first, second, depths, kinds):
            return Link(Verdict.DATA)
        goes_on = answer == NOT_LINKED and kinds[1] == "write"
        if goes_on and (self._may_stop(first, depths[0]) or self._is_waited_for(first, depths[0])):
            return Link(Verdict.CONTROL)
        return answer

    def _checks_again(self, site: Site, depth: int) -> bool:
        """Tell whether a callee below ``depth`` reads only to check for itself.

        What it finds decides about what it does; what its caller had found does no harm then.
        """
        for level in range(depth):
            place = self._place(site, level)
            if place is None or not dependence.is_only_tested(*place):
                return False
            if flow_calls.may_stop(*place) and not self._is_forgiven(site, level, "read"):
                return False  # the caller has relied on it
            if dependence.is_tested(*place):
                return True
        return False

    def _gets_out(self, site: Site, depth: int) -> bool:
        """Tell whether what is read at ``site`` gets out of the callees below ``depth``."""
        places = [self._place(site, level) for level in range(depth)]
        return all(place is None or flow_calls.leaves(*place) for place in places)

    def _only_decides(self, site: Site, depth: int) -> bool:
        """Tell whether nothing of what is read gets out of a callee but what a test decided."""
        places = [self._place(site, level) for level in range(depth)]
        return any(place is not None and not flow_calls.hands_on(*place) for place in places)

    def _may_stop(self, site: Site, depth: int) -> bool:
        """Tell whether a callee below ``depth`` raises, depending on what is read at ``site``."""
        places = [self._place(site, level) for level in range(depth)]
        known = [place for place in places if place is not None]
        if not known or len(known) < depth:
            return False
        *below, last = known
        return flow_calls.may_stop(*last) and all(flow_calls.returns(*place) for place in below)

    def _is_waited_for(self, site: Site, depth: int) -> bool:
        """Tell whether a callee below ``depth`` waits until what is read at ``site`` is true."""
        places = [self._place(site, level) for level in range(depth + 1)]
        known = [place for place in places if place is not None]
        return len(known) == len(places) and (
            any(dependence.waits(*place) for place in known[:depth])
            or any(flow_calls.waits_for(*place) for place in known)
        )

    def _gets_in(self, first: Site, second: Site, depths: Depths, kinds: Kinds) -> bool:
        """Tell whether what a callee is given of the first value is relied on by the second."""
        i, j = depths
        one, caller = self._place(first, i), self._place(second, j)
        if not j or one is None or caller is None:
            return True
        arguments = flow_calls.given(caller[0], one[1], caller[1], kinds)
        for level in range(j - 1, -1, -1):
            callee = self._place(second, level)
            if callee is None:
                return True
            names = flow_calls.parameters(callee[0], *caller, kinds[1], arguments)
            if names is None or (level and flow_calls.decides(*callee, kinds[1], names)):
                return True
            if not names:
                return False
            if not level:
                return flow_calls.relies_on(*callee, kinds[1], names)
            arguments = flow_calls.passed_on(*callee, kinds[1], names)
            caller = callee
        return True

    def _is_kept(self, first: Site, second: Site, depths: Depths, kinds: Kinds) -> bool:
        """Tell whether one method keeps what it read in its object, for the other to use."""
        i, j = depths
        if not i or not j:
            return False
        common = self._place(first, i), self._place(second, j)
        keeps, uses = self._place(first, i - 1), self._place(second, j - 1)
        if keeps is None or uses is None or common[0] is None or common[1] is None:
            return False
        if not flow_calls.same_receiver(*common[0], common[1][1], kinds):
            return False
        attributes = flow_calls.attributes_stored(*keeps)
        return bool(attributes) and flow_calls.relies_on_attributes(*uses, kinds[1], attributes)

    def _is_forgiven(self, site: Site, depth: int, kind: Kind) -> bool:
        view, position = self._view(site.frames[depth][0]), self._position(site, depth)
        if view is None or position is None:
            return False
        return container_shapes.is_forgiven(view, position, kind, called=depth > 0)

    @staticmethod
    def _guess(first: Site, second: Site, i: int, j: int, second_kind: Kind) -> Link:
        """Without source: in one function, and in the order of its instructions."""
        one, two = first.frames[i][1], second.frames[j][1]
        # What is read and written at one place is updated there: ``x.n += 1``.
        if one < two or (one == two and second_kind == "write"):
            return Link(Verdict.CONTROL)
        return NO_LINK

    def in_order(self, first: Site, second: Site, second_kind: Kind = "write") -> Link:
        """Answer as :meth:`link` where the source says nothing: accesses tracked by hand.

        A call that reports a read is not the read: what is written does not depend on it.
        """
        depths = self.common_call(first, second)
        return self._guess(first, second, *depths, second_kind) if depths else NO_LINK

    def is_other_call(self, first: tuple[Site, Site], second: tuple[Site, Site]) -> bool:
        """Tell whether two places with one look belong to two calls, by a lock held at both.

        Args:
            first: The earlier place, and where the lock was taken that was held there.
            second: The later one; the lock had been released in between.
        """
        key = (first[0].number, first[1].number, second[0].number, second[1].number)
        answer = self._other_calls.get(key)
        if answer is None:
            answer = self._other_calls[key] = self._is_other_call(first, second)
        return answer

    def _is_other_call(self, first: tuple[Site, Site], second: tuple[Site, Site]) -> bool:
        depths = self.common_call(first[0], second[0])
        if depths is None:
            return False
        outside = [
            self.is_taken_outside(lock, site, depth)
            for (site, lock), depth in zip((first, second), depths, strict=True)
        ]
        if all(outside):
            return True
        lock = first[1]
        taken = self.common_call(lock, first[0])
        return (
            lock is second[1]
            and taken is not None
            and taken[1] == depths[0]
            and self.common_call(lock, second[0]) == (taken[0], depths[1])
            and self._is_reached_once(lock, taken[0])
            and self._is_other_pass((lock, taken[0]), (first[0], depths[0]), (second[0], depths[1]))
        )

    def is_past(self, first: Site, second: Site) -> bool:
        """Tell whether ``first`` is over for ``second``, since its place was reached again.

        It is if the two belong to one call only in the looks: another call, or pass of a loop, has
        got to the same place since, and carries nothing over from the one before.
        """
        key = first.number << 32 | second.number
        answer = self._past.get(key)
        if answer is None:
            answer = self._past[key] = self._is_past(first, second)
        return answer

    def _is_past(self, first: Site, second: Site) -> bool:
        depths = self.common_call(first, second)
        return (
            depths is not None
            and self._is_reached_once(first, depths[0])
            and self._is_other_pass((first, depths[0]), (first, depths[0]), (second, depths[1]))
        )

    def _is_reached_once(self, site: Site, depth: int) -> bool:
        """Tell whether one pass of the function at ``depth`` gets to ``site`` only once."""
        codes = [code for code, _ in site.frames]
        if codes.count(codes[depth]) > 1 or len({*codes[:depth]}) < depth:
            return False  # it calls itself; what a decorator has put around several does not
        for level in range(depth + 1):
            place = self._place(site, level)
            if place is None or (level < depth and not passes.is_reached_once(*place)):
                return False
            callee = self.frame(site, level - 1) if level else None
            if callee and not passes.calls_once(*place, callee.function.rpartition(".")[2]):
                return False
        return True

    def _is_other_pass(
        self, again: tuple[Site, int], first: tuple[Site, int], second: tuple[Site, int]
    ) -> bool:
        """Tell whether what was done at ``first`` is over, since ``again`` was reached once more.

        All three lie in one function, at the depths that come with them.
        """
        there, one, two = self._place(*again), self._place(*first), self._place(*second)
        if there is None or one is None or two is None:
            return False
        together = passes.shares_loop(*there, two[1])
        if together is None:
            return True
        return together and not dependence.is_carried(*one, two[1])
