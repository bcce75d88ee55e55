"""Static questions about places of the program, answered once for each pair of places.

The engine asks these for every candidate; the answers depend on sites only, so they are kept.
Source text comes through a function that the caller supplies: the engine itself reads no files.
"""

from __future__ import annotations

import enum

from raceway.engine import (
    construction,
    container_shapes,
    dependence,
    flow_calls,
    owners,
    section_shapes,
    settlements,
)
from raceway.engine.code_view import CodeView, Position
from raceway.engine.commutes import READS, WRITES
from raceway.engine.definitions import Definitions
from raceway.engine.dependence import Link, Verdict
from raceway.engine.flag_shapes import FlagTest
from raceway.engine.links import NOT_LINKED, Kind, Links
from raceway.engine.places import SourceProvider
from raceway.engine.stamped import Access, Cause, Site
from raceway.model import ops

_MAKES_NO_DIFFERENCE = frozenset({Verdict.SAME_FUNCTION, Verdict.NONE})
_CANNOT_FOLLOW = frozenset({Verdict.NONE, Verdict.UNKNOWN})


class Pattern(enum.Enum):
    """How a sequence of two accesses can be broken: first access, other's access, second access."""

    R_W_W = "what the write relies on is out of date"
    TAKEN = "what is added after the read is lost in the reset"
    KEPT = "what was read and counted on is what somebody else has, too"
    R_W_R = "two reads that should see the same do not"
    W_W_R = "the own write is not there any more"
    W_R_W = "an intermediate state is seen"


_UNASKED = object()
_METHODS_DEEP = 4
"""Callers that are asked where ``self`` came from."""
_WALKS = frozenset({ops.ITERATE, ops.SCAN, ops.STEP})


class Judge(Links):
    """Looks at the source of one process's code.

    Args:
        definitions: What code ids stand for.
        sources: Returns the text of a file, or None.
    """

    def __init__(self, definitions: Definitions, sources: SourceProvider) -> None:
        super().__init__(definitions, sources)
        self._rechecks: dict[tuple[int, int, int], bool] = {}
        self._settled: dict[tuple[int, int, int, int], bool] = {}
        self._answers: dict[tuple[str, int], bool] = {}
        self._operations: dict[tuple[object, ...], bool] = {}
        self._patterns: dict[int, Pattern | object | None] = {}
        self._flag_tests: dict[tuple[int, int], FlagTest | None] = {}
        self._decides: dict[int, section_shapes.Names] = {}

    # ------------------------------------------------------------ two places

    def pattern(self, first: Access, second: Access, *, by_hand: bool) -> Pattern | None:
        """Tell as what kind of sequence two accesses of one actor belong together, if they do.

        Args:
            first: The earlier access.
            second: The later one.
            by_hand: The accesses were reported by calls of the program.
        """
        key = first.site.number << 44 | second.site.number << 8 | first.kind << 4 | second.kind
        answer = self._patterns.get(key, _UNASKED)
        if answer is _UNASKED:
            answer = self._patterns[key] = self._pattern(first, second, by_hand=by_hand)
        return answer  # type: ignore[return-value]  # the sentinel is gone

    def _pattern(self, first: Access, second: Access, *, by_hand: bool) -> Pattern | None:
        if second.kind == ops.STEP:
            walks = first.kind in _WALKS and self.common_call(first.site, second.site) is not None
            return Pattern.R_W_R if walks else None
        first_writes = first.kind in WRITES
        first_kind: Kind = "write" if first_writes and first.kind != ops.UPDATE else "read"
        second_kind: Kind = "write" if second.kind in WRITES else "read"
        if by_hand:
            link = self.in_order(first.site, second.site, second_kind)
        else:
            link = self.link(first.site, second.site, first_kind, second_kind)
        if first_kind == "read":
            return self._after_read(first, second, link, by_hand=by_hand)
        if second_kind == "write":
            return None if link.verdict in _CANNOT_FOLLOW else Pattern.W_R_W
        return self._reads_back(first, second, link)

    def _after_read(
        self, first: Access, second: Access, link: Link, *, by_hand: bool
    ) -> Pattern | None:
        if second.kind not in WRITES:
            if not link.linked or link.back_edge or first.kind in WRITES:
                return None
            return None if self.is_double_checked(first.site) else Pattern.R_W_R
        if first.site is second.site and self._ask_operation("counts", second.site):
            return Pattern.R_W_W
        if not link.linked:
            if by_hand or link != NOT_LINKED:
                return None
            if second.kind == ops.WRITE and self._takes(first.site, second.site):
                return Pattern.TAKEN
            if self._is_ticket(first, second):
                return None if self._is_validated(first, second) else Pattern.KEPT
            return Pattern.R_W_W if self._takes_out(first, second) else None
        if link.back_edge and link.verdict is Verdict.CONTROL:
            return None
        if second.kind == ops.GROW and self._inserts_anyway(first.site, second.site, link):
            return None
        return None if self._is_validated(first, second) else Pattern.R_W_W

    def _reads_back(self, first: Access, second: Access, link: Link) -> Pattern | None:
        inserts = first.kind == ops.GROW and second.kind == ops.READ
        if not (first.kind == ops.WRITE or inserts):
            return None
        if second.kind in _WALKS and self.is_insertion(first.site):
            return None  # what is there besides is no matter of the insertion
        if link.back_edge or self.is_polled(second.site):
            return None
        depths = self.common_call(first.site, second.site)
        if self.is_update(first.site):
            # A callee that tests may do so for another purpose as well; here it is asked.
            asks = link.verdict is Verdict.RECHECK or (
                depths is not None and depths[1] > 0 and link.verdict is Verdict.SAME_FUNCTION
            )
            last = asks and self._is_last_one(first.site, second.site)
            return Pattern.W_W_R if last else None
        if depths is None or link.verdict is not Verdict.SAME_FUNCTION:
            return None
        if depths == (0, 0) and self._is_renewal(first.site, second.site):
            return None
        # A method that is called again reads for a purpose of its own, unless the call has stored
        # there what it was called with: then that is what its callees go by.
        expects = depths == (0, 0) or (
            first.kind == ops.WRITE
            and self._stores_own(first.site, depths[0])
            and self._is_used(second.site, depths[1])
        )
        return Pattern.W_W_R if expects else None

    def _is_renewal(self, write: Site, read: Site) -> bool:
        one, two = self._place(write, 0), self._place(read, 0)
        return one is not None and two is not None and settlements.is_renewal(*one, two[1])

    def _stores_own(self, site: Site, depth: int) -> bool:
        """Tell whether ``site`` stores what the function at ``depth`` was called with."""
        place = self._place(site, depth)
        names = flow_calls.own_parameters(place[0]) if place is not None else frozenset()
        for level in range(depth, 0, -1):
            callee = self._place(site, level - 1)
            if place is None or callee is None or not names:
                return False
            arguments = flow_calls.passed_on(*place, "write", names)
            names = flow_calls.parameters(callee[0], *place, "write", arguments) or frozenset()
            place = callee
        return place is not None and bool(names) and flow_calls.stores(*place, names)

    def _is_used(self, site: Site, depth: int) -> bool:
        """Tell whether what is read at ``site`` is put to use on its way up to ``depth``."""
        for level in range(depth + 1):
            place = self._place(site, level)
            if place is None or not flow_calls.leaves(*place):
                return False
            if not flow_calls.returns(*place):
                return True
        return True

    def _is_validated(self, first: Access, second: Access) -> bool:
        """Tell whether the write happens only if a version is still the one read before."""
        depths = self.common_call(first.site, second.site)
        if depths is None:
            return False
        one, two = self._place(first.site, depths[0]), self._place(second.site, depths[1])
        if one is None or two is None:
            return False
        if depths[1] == 1:
            callee = self._place(second.site, 0)
            getter = self._place(first.site, 0) if depths[0] else None
            return callee is not None and flow_calls.is_validated(
                *callee, two[0], one[1], two[1], getter[0] if getter else None
            )
        return dependence.is_validated(*one, two[1])

    def _takes(self, first: Site, second: Site) -> bool:
        """Tell whether the value at ``first`` is put to use, and ``second`` starts anew."""
        depths = self.common_call(first, second)
        return (
            depths is not None
            and self._ask("is_reset", second)
            and self._gets_out(first, depths[0] + 1)
        )

    def _inserts_anyway(self, first: Site, second: Site, link: Link) -> bool:
        """Tell whether an insertion does not depend on a test of what is read.

        The test may have chosen what is inserted, and no more: ``conn = pool.acquire()`` takes an
        idle one or makes a new one, which is given back in any case.  Or it was waited for
        something to be there, which is taken out.
        """
        if self.is_polled(first) and self._ask_operation("asks_if_empty", first):
            return True
        depths = self.common_call(first, second)
        return (
            depths is not None
            and (link.verdict is Verdict.CONTROL or self._only_decides(first, depths[0]))
            and not self._dependence(
                first, second, depths, ("read", "write"), control_only=True
            ).linked
        )

    def _is_ticket(self, first: Access, second: Access) -> bool:
        """Tell whether a number is read to be used, and counted on so that nobody else gets it."""
        if (first.kind, second.kind) != (ops.READ, ops.WRITE):
            return False
        depths = self.common_call(first.site, second.site)
        if depths is None or self.is_update(first.site):
            return False
        if not self._ask("counts_on", second.site):
            return False
        place = self._place(first.site, depths[0])
        return (
            place is not None
            and dependence.is_kept(*place)
            and self._gets_out(first.site, depths[0])
        )

    def _takes_out(self, first: Access, second: Access) -> bool:
        """Tell whether what is at the end is put to use at ``first``, and taken out later.

        By then something else may be there: ``send(jobs[0])`` and then ``jobs.pop(0)``.
        """
        if (first.kind, second.kind) != (ops.READ, ops.UPDATE):
            return False
        depths = self.common_call(first.site, second.site)
        return (
            depths is not None
            and self._ask_operation("is_at_end", first.site, "read")
            and self._ask_operation("is_at_end", second.site, "write")
            and self._gets_out(first.site, depths[0] + 1)
        )

    def _is_last_one(self, first: Site, second: Site) -> bool:
        """Tell whether ``second`` asks if the update at ``first`` was the one that mattered."""
        depths = self.common_call(first, second)
        if depths is None:
            return False
        last = min(depths[1] + 1, len(second.frames) - 1)  # it may be the caller that acts upon it
        places = [self._place(second, depth) for depth in range(last + 1)]
        asked = [place for place in places if place is not None]
        exactly = any(dependence.tests_exactly(*place) for place in asked[: depths[1] + 1])
        return exactly and not any(dependence.only_signals(*place) for place in asked)

    def matters(self, cause: Cause, access: Access) -> bool:
        """Tell whether what an actor read under a lock makes a difference to a later access.

        Unless both belong to one call whose source says that it makes none, it may.
        """
        if cause.site is None:
            return cause.reads
        if cause.site is access.site or self.common_call(cause.site, access.site) is None:
            return True
        kind: Kind = "write" if access.kind in WRITES else "read"
        return self.link(cause.site, access.site, "read", kind).verdict not in _MAKES_NO_DIFFERENCE

    def leaves_added(self, first: Site, second: Site, other: Access) -> bool:
        """Tell whether ``second`` takes off just what ``first`` read, and ``other`` only adds."""
        key = (first.number, second.number, other.site.number, other.kind)
        answer = self._settled.get(key)
        if answer is None:
            answer = self._settled[key] = self._takes_off(first, second) and self._adds(other)
        return answer

    def _takes_off(self, first: Site, second: Site) -> bool:
        depths = self.common_call(first, second)
        if depths is None or depths[1] > 1:
            return False
        getters = [self._place(first, level) for level in range(depths[0])]
        if not all(place is not None and dependence.is_handed_back(*place) for place in getters):
            return False
        one, two = self._place(first, depths[0]), self._place(second, depths[1])
        callee = self._place(second, 0) if depths[1] else None
        if one is None or two is None or (depths[1] and callee is None):
            return False
        return settlements.takes_off(*one, two[1], callee)

    def _adds(self, other: Access) -> bool:
        if other.kind == ops.GROW and self.is_insertion(other.site):
            return True
        place = self._place(other.site, 0)
        return place is not None and settlements.adds(*place)

    def is_only_tested(self, first: Site, second: Site, kind: int) -> bool:
        """Tell whether an access at ``second`` depends on a test of what ``first`` read only."""
        second_kind: Kind = "write" if kind in WRITES else "read"
        return self.link(first, second, "read", second_kind).verdict is Verdict.CONTROL

    def is_named_by(self, first: Site, second: Site) -> bool:
        """Tell whether ``second`` looks up what was found in a copy made at ``first``."""
        link = self.link(first, second, "read", "read")
        return link.verdict is Verdict.DATA and not link.back_edge and self.is_copy(first)

    def is_computed(self, read: Site, write: Site) -> bool:
        """Tell whether a new value is made of what was read, in more than one statement."""
        link = self.link(read, write, "read", "write")
        return link.verdict is Verdict.DATA and not self.is_update(write)

    def is_recheck(self, first: Site, middle: Site, second: Site) -> bool:
        """Tell whether the read at ``middle`` guards ``second``: ``first`` does no harm then."""
        key = (first.number, middle.number, second.number)
        answer = self._rechecks.get(key)
        if answer is None:
            answer = self._rechecks[key] = self._is_recheck(first, middle, second)
        return answer

    def _is_recheck(self, first: Site, middle: Site, second: Site) -> bool:
        outer = self.common_call(first, second)
        inner = self.common_call(middle, second)
        if outer is None or inner is None:
            return False
        i, j = outer
        m, k = inner
        if self._is_waited_for(middle, m):
            return True
        if k != j:
            # The check and the act lie together in a callee of the function with the stale read.
            view = self._view(second.frames[k][0])
            check, act = self._position(middle, m), self._position(second, k)
            if view is None or check is None or act is None or k > j:
                return False
            answer = dependence.link(view, check, act, first_kind="read", second_kind="write")
            return answer.linked and not self._in_update(view, check)
        view = self._view(second.frames[j][0])
        one, two, three = (
            self._position(first, i), self._position(middle, m), self._position(second, j),
        )  # fmt: skip
        if view is None or one is None or two is None or three is None:
            return False
        return dependence.is_recheck_between(view, one, two, three)

    @staticmethod
    def _in_update(view: CodeView, position: Position) -> bool:
        return dependence.is_update(view, position)

    # ------------------------------------------------------------ one place

    def is_handed_over(self, site: Site) -> bool:
        """Tell whether this access, or its caller, has taken its object over inside a lock."""
        answer = self._answers.get(("is_handed_over", site.number))
        if answer is None:
            answer = self._answers["is_handed_over", site.number] = self._is_handed_over(site)
        return answer

    def _is_handed_over(self, site: Site) -> bool:
        for depth in range(min(len(site.frames), _METHODS_DEEP)):
            view, position = self._view(site.frames[depth][0]), self._position(site, depth)
            if view is None or position is None:
                return False
            reach = owners.reach(view, position)
            if reach != "parameter":  # of a parameter, mostly self, the caller knows more
                return reach == "taken"
        return False

    def is_construction(self, site: Site) -> bool:
        """Tell whether this access initialises an object that nobody else can know yet."""
        answer = self._answers.get(("is_construction", site.number))
        if answer is None:
            view, position = self._view(site.frames[0][0]), self._position(site, 0)
            if view is not None and position is not None:
                answer = construction.is_construction(view, position)
            else:  # what dataclasses write has no source, and gives nothing away
                code = self._definitions.code(site.frames[0][0])
                answer = (
                    code is not None
                    and code.file == "<string>"
                    and code.function.rpartition(".")[2] == "__init__"
                )
            self._answers["is_construction", site.number] = answer
        return answer

    def swaps_out(self, write: Site, later: Site) -> bool:
        """Tell whether ``write`` puts another object in the place of the one used at ``later``."""
        one, two = self._place(write, 0), self._place(later, 0)
        same = write.frames[0][0] == later.frames[0][0]
        return same and one is not None and two is not None and owners.swaps_out(*one, two[1])

    def is_swapped_out(self, site: Site) -> bool:
        """Tell whether the function of this access has put another object in this one's place."""
        answer = self._answers.get(("is_swapped_out", site.number))
        if answer is None:
            place = self._place(site, 0)
            answer = place is not None and owners.is_swapped_out(*place)
            self._answers["is_swapped_out", site.number] = answer
        return answer

    def _asked_at(self, site: Site) -> int:
        """Return the depth at which what is read is put to use: a getter only hands it back."""
        depth = 0
        while depth < min(len(site.frames) - 1, _METHODS_DEEP):
            place = self._place(site, depth)
            if place is None or not dependence.is_handed_back(*place):
                break
            depth += 1
        return depth

    def _ask(self, question: str, site: Site, depth: int = 0) -> bool:
        key = (question, site.number)
        answer = self._answers.get(key)
        if answer is None:
            view, position = self._view(site.frames[depth][0]), self._position(site, depth)
            answer = False
            if view is not None and position is not None:
                answer = bool(getattr(dependence, question)(view, position))
            self._answers[key] = answer
        return answer

    def is_double_checked(self, site: Site) -> bool:
        """Tell whether this read is the first check of double-checked locking."""
        return self._ask("is_double_checked", site)

    def tests_presence(self, site: Site) -> bool:
        """Tell whether what is read here, or handed back from here, is tested for being there."""
        return self._ask("tests_presence", site, self._asked_at(site))

    def is_tested(self, site: Site) -> bool:
        """Tell whether what is read here, or handed back from here, decides about something."""
        return self._ask("is_tested", site, self._asked_at(site))

    def is_guarded(self, read: Access, write: Access) -> bool:
        """Tell whether a write happens only if there was nothing, and asks under its own lock."""
        return (
            read.kind in READS
            and not read.locks.isdisjoint(write.locks)
            and self.tests_presence(read.site)
            and self.link(read.site, write.site, "read", "write").verdict is Verdict.CONTROL
        )

    def follows(self, first: Site, second: Site) -> bool:
        """Tell whether a read at ``second`` can come after one at ``first`` in one pass."""
        link = self.link(first, second, "read", "read")
        return link.verdict is not Verdict.NONE and not link.back_edge

    def is_polled(self, site: Site) -> bool:
        """Tell whether this read is the condition of a loop."""
        return self._ask("is_polled", site, self._asked_at(site))

    def waits_for(self, site: Site) -> bool:
        """Tell whether this read is the condition of a loop that only waits."""
        return self._ask("waits", site, self._asked_at(site))

    def flag_test(self, first: Site, second: Site) -> FlagTest | None:
        """Tell by what test of what is read at ``first`` it is decided about ``second``.

        None if it is not, or if the test asks for more than the truth or for one value.
        """
        key = (first.number, second.number)
        if key not in self._flag_tests:
            self._flag_tests[key] = self._flag_test(first, second)
        return self._flag_tests[key]

    def _flag_test(self, first: Site, second: Site) -> FlagTest | None:
        depth, depths = self._asked_at(first), self.common_call(first, second)
        if depths is None or depths[0] != depth:
            return None
        read, write = self._place(first, depth), self._place(second, depths[1])
        if read is None or write is None:
            return None
        if not self.waits_for(first):  # what follows such a loop is done by who has passed
            link = self._dependence(first, second, depths, ("read", "write"))
            if link.verdict is not Verdict.CONTROL:
                return None
        if not dependence.keeps_out(*read, write[1], by_name=not depths[1]):
            return None
        return dependence.flag_test(*read)

    # ------------------------------------------------------------ critical sections

    def sets_in(self, site: Site) -> section_shapes.Names:
        """Return the names that the section which begins here sets, and others ask for."""
        place = self._place(site, 0)
        return section_shapes.sets_in(*place) if place else section_shapes.NOTHING

    def decides_by(self, site: Site) -> section_shapes.Names:
        """Return the names that the section which begins here asks for before it goes on."""
        answer = self._decides.get(site.number)
        if answer is None:
            place = self._place(site, 0)
            answer = section_shapes.decides_by(*place) if place else section_shapes.NOTHING
            self._decides[site.number] = answer
        return answer

    def value_at_first(self, variable: int) -> tuple[object, bool]:
        """Return what a variable held when it was first seen, and whether that is known."""
        known = self._definitions.variable(variable)
        return (known.value, True) if known is not None and known.has_value else (None, False)

    def waited_for(self, site: Site) -> FlagTest | None:
        """Tell what value a loop that only waits is left with."""
        place = self._place(site, self._asked_at(site)) if self.waits_for(site) else None
        return dependence.flag_test(*place) if place is not None else None

    def is_update(self, site: Site) -> bool:
        """Tell whether this access belongs to ``x += 1`` or ``x = f(x)``."""
        return self._ask("is_update", site)

    def is_constant_write(self, site: Site) -> bool:
        """Tell whether this write stores a literal."""
        return self._ask("is_constant_write", site)

    def stores_empty(self, access: Access) -> bool:
        """Tell whether this write stores an empty container."""
        stores = access.kind in {ops.WRITE, ops.GROW}
        return stores and self._ask("stores_empty", access.site)

    # ------------------------------------------------------------ one operation on a container

    def _ask_operation(self, question: str, site: Site, *kind: Kind) -> bool:
        key = (question, site.number, *kind)
        answer = self._operations.get(key)
        if answer is None:
            view, position = self._view(site.frames[0][0]), self._position(site, 0)
            answer = False
            if view is not None and position is not None:
                answer = bool(getattr(container_shapes, question)(view, position, *kind))
            self._operations[key] = answer
        return answer

    def is_subscript(self, site: Site) -> bool:
        """Tell whether this operation is ``d[k]``, as a value."""
        return self._ask_operation("is_subscript", site)

    def is_copy(self, site: Site) -> bool:
        """Tell whether this operation copies the whole container in one step."""
        return self._ask_operation("is_copy", site)

    def unharmed_by(self, first: Access, second: Access) -> int:
        """Return the kind of operations of others that make no difference to a sequence, or -1.

        Who has found a container full enough to take something out, or empty enough to put
        something in, is right after insertions, or removals, even more.
        """
        if first.kind != ops.LENGTH or not self.asks_how_full(first.site):
            return -1
        if second.kind == ops.GROW:
            return ops.UPDATE
        takes_one = second.kind == ops.UPDATE or (
            second.kind == ops.WRITE
            and (
                self._ask_operation("is_at_end", second.site, "write")
                or self._removes_head(second.site)
            )
        )
        return ops.GROW if takes_one else -1

    def _removes_head(self, site: Site) -> bool:
        place = self._place(site, 0)
        return place is not None and settlements.removes_head(*place)

    def asks_how_full(self, site: Site) -> bool:
        """Tell whether the length is read here to compare it with a limit."""
        return self._ask_operation("asks_how_full", site)

    def takes_any(self, site: Site) -> bool:
        """Tell whether this operation takes out whatever is there."""
        return self._ask_operation("takes_any", site)

    def takes_named(self, site: Site) -> bool:
        """Tell whether this operation takes out one item, which is named by its key or value."""
        return self._ask_operation("takes_named", site)

    def is_insertion(self, site: Site) -> bool:
        """Tell whether this operation puts something in and takes nothing out."""
        return self._ask_operation("is_insertion", site)

    def is_removal(self, site: Site) -> bool:
        """Tell whether this operation takes something out and puts nothing in its place."""
        return self._ask_operation("is_removal", site)

    def is_move(self, site: Site) -> bool:
        """Tell whether this operation takes one thing out, or puts one in, in one step."""
        return self._ask_operation("is_move", site)

    def fails_when_gone(self, access: Access) -> bool:
        """Tell whether this operation raises if its item is gone, and nobody is ready for it."""
        site = access.site
        kind: Kind = "write" if access.kind in WRITES else "read"
        if not self._ask_operation("fails_when_gone", site, kind):
            return False
        key = ("is_forgiven", site.number, kind)
        if key not in self._operations:
            self._operations[key] = any(
                self._is_forgiven(site, depth, kind) for depth in range(len(site.frames))
            )
        return not self._operations[key]
