"""Decide from the source whether two accesses of one actor belong together.

At run time the engine sees that an actor read a variable and later wrote it, and that another
actor could come in between.  That is a finding only if the second access relies on the first: the
written value is computed from the one that was read, or the write happens because of it.  Both
accesses are given as positions in the innermost function invocation that caused them, where an
access in a callee has the position of the call.

The answers are those of a walk over the syntax tree (:mod:`raceway.engine.flow_statements`): no
types, no other functions.  Where it is unsure it says "linked".
"""

from __future__ import annotations

import ast
import enum
from dataclasses import dataclass

from raceway.engine import flag_shapes, versions
from raceway.engine import source_shapes as shapes
from raceway.engine.code_view import CodeView, Kind, Position
from raceway.engine.flow_expressions import Access, Outcome, TooComplexError
from raceway.engine.flow_state import (
    CARRIED,
    CONTROL_CARRIED,
    CONTROL_FRESH,
    DATA,
    FRESH,
    as_control,
)
from raceway.engine.flow_statements import FlowWalk

_KINDS: tuple[Kind, ...] = ("read", "write")
_CARRIED = CARRIED | CONTROL_CARRIED
_EQUALITIES = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)


class Verdict(enum.Enum):
    """How the second access hangs together with the first."""

    DATA = "data"
    """What the second writes, passes on or uses as index is computed from what the first read."""
    CONTROL = "control"
    """The second is only executed depending on a test of what the first read."""
    RECHECK = "recheck"
    """The second is a read that only checks the variable again."""
    SAME_FUNCTION = "same function"
    """The second can follow the first in one pass, but does not depend on it."""
    NONE = "none"
    """The second cannot follow the first (exclusive branches, or it comes before)."""
    UNKNOWN = "unknown"
    """The source is missing or does not fit the positions."""


@dataclass(frozen=True, slots=True)
class Link:
    """The answer of :func:`link`.

    Attributes:
        verdict: How the accesses hang together.
        back_edge: They do so (for ``NONE``: the second can follow the first) only over the back
            edge of a loop, that is from one pass to a later one.
    """

    verdict: Verdict
    back_edge: bool = False

    @property
    def linked(self) -> bool:
        """Whether the second access relies on the first."""
        return self.verdict in {Verdict.DATA, Verdict.CONTROL}


_RANK = (
    Link(Verdict.DATA),
    Link(Verdict.CONTROL),
    Link(Verdict.DATA, back_edge=True),
    Link(Verdict.CONTROL, back_edge=True),
    Link(Verdict.RECHECK),
    Link(Verdict.RECHECK, back_edge=True),
    Link(Verdict.SAME_FUNCTION),
    Link(Verdict.NONE, back_edge=True),
    Link(Verdict.NONE),
    Link(Verdict.UNKNOWN),
)


def link(
    view: CodeView,
    first: Position,
    second: Position,
    *,
    first_kind: Kind,
    second_kind: Kind,
    control_only: bool = False,
) -> Link:
    """Tell how the access at ``second`` hangs together with the one at ``first``.

    Where positions are lines only, the strongest answer of all candidates on the lines is given.

    Args:
        view: The function in which both positions lie.
        first: Where the earlier access happens.
        second: Where the later one happens.
        first_kind: Whether the earlier access reads or writes.
        second_kind: Whether the later access reads or writes.
        control_only: Leave aside what the second is computed from: ask about tests only.
    """
    answers = [
        _link(
            view,
            root,
            Access(node, first_kind, first.leaves),
            Access(other, second_kind, second.leaves),
            control_only,
        )
        for root, node in view.locate(first, first_kind)
        for other_root, other in view.locate(second, second_kind)
        if root is other_root
    ]
    return min(answers, key=_RANK.index, default=Link(Verdict.UNKNOWN))


def is_carried(view: CodeView, first: Position, second: Position) -> bool:
    """Tell whether the access at ``second`` relies on what an earlier pass read at ``first``."""
    outcomes = [
        _walk(view, root, Access(node, "read", first.leaves), Access(other, kind, second.leaves))
        for kind in _KINDS
        for root, node in view.locate(first, "read")
        for other_root, other in view.locate(second, kind)
        if root is other_root
    ]
    return any(one is None or bool((one.data | one.control) & _CARRIED) for one in outcomes)


def is_recheck_between(view: CodeView, first: Position, middle: Position, second: Position) -> bool:
    """Tell whether the read at ``middle`` makes the stale value from ``first`` harmless.

    It does if the write at ``second`` happens only when a test of the value read at ``middle``
    allows it: compare-and-swap, or the second check of double-checked locking.  If the written
    value itself is computed from the stale one, only an exact comparison will do.
    """
    return any(
        _guards(view, root, node, checked, acting)
        for root, node in view.locate(first, "read")
        for middle_root, checked in view.locate(middle, "read")
        for second_root, acting in view.locate(second, "write")
        if root is middle_root is second_root
    )


def is_double_checked(view: CodeView, read: Position) -> bool:
    """Tell whether ``read`` is the unlocked first check of double-checked locking.

    The check is repeated under a lock, in its body or after its early exit, before anything is
    done; ``d.get(k)``, ``k in d``, ``d[k]`` and ``setdefault`` count as checks of one item.
    """
    return any(shapes.double_checked(view, *place) for place in view.locate(read, "read"))


def is_handed_back(view: CodeView, read: Position) -> bool:
    """Tell whether the function does nothing with what is read here but to return it."""
    places = view.locate(read, "read")
    return bool(places) and all(isinstance(view.parent(node), ast.Return) for _, node in places)


def is_polled(view: CodeView, read: Position) -> bool:
    """Tell whether ``read`` only decides, again and again, whether a loop goes on."""
    return any(shapes.polled(view, *place) for place in view.locate(read, "read"))


def is_update(view: CodeView, position: Position) -> bool:
    """Tell whether one statement reads and writes here: ``x.n += 1`` or ``x.n = x.n + 1``."""
    places = {*view.locate(position, "read"), *view.locate(position, "write")}
    return any(shapes.updates(view, *place) for place in places)


def is_constant_write(view: CodeView, write: Position) -> bool:
    """Tell whether the value written at ``write`` is a literal (of the same value every time)."""
    return any(shapes.writes_constant(view, *place) for place in view.locate(write, "write"))


def is_only_tested(view: CodeView, read: Position) -> bool:
    """Tell whether what is read here is checked before anything is done with it."""
    places = view.locate(read, "read")
    return bool(places) and all(
        shapes.only_tested(view, *place) and not isinstance(place[1], ast.Subscript)
        for place in places
    )


def is_kept(view: CodeView, read: Position) -> bool:
    """Tell whether what is read here is put to use, and not only looked at."""
    return any(shapes.is_kept(view, *place) for place in view.locate(read, "read"))


def tests_presence(view: CodeView, read: Position) -> bool:
    """Tell whether what is read here is tested for being there."""
    return any(shapes.tests_presence(view, *place) for place in view.locate(read, "read"))


def counts_on(view: CodeView, write: Position) -> bool:
    """Tell whether ``write`` adds a constant."""
    return any(shapes.counts_on(view, *place) for place in view.locate(write, "write"))


def is_tested(view: CodeView, read: Position) -> bool:
    """Tell whether the function that reads here decides by it, at once or by a copy."""
    return any(shapes.tested(view, *place) for place in view.locate(read, "read"))


def is_reset(view: CodeView, write: Position) -> bool:
    """Tell whether ``write`` starts anew: it stores a literal or something empty, or clears."""
    return any(shapes.resets(view, *place) for place in view.locate(write, "write"))


def stores_empty(view: CodeView, write: Position) -> bool:
    """Tell whether ``write`` stores an empty container."""
    return any(shapes.stores_empty(view, *place) for place in view.locate(write, "write"))


def tests_exactly(view: CodeView, read: Position) -> bool:
    """Tell whether what is read here is tested for one value only: ``== 0``, ``not n``."""
    return any(shapes.tests_exactly(view, *place) for place in view.locate(read, "read"))


def flag_test(view: CodeView, read: Position) -> flag_shapes.FlagTest | None:
    """Tell how what is read here is tested, if that is for its truth or for one value only."""
    tests = (flag_shapes.flag_test(view, *place) for place in view.locate(read, "read"))
    return next((test[0] for test in tests if test is not None), None)


def keeps_out(view: CodeView, read: Position, write: Position, *, by_name: bool) -> bool:
    """Tell whether who does not pass the test of what is read here does nothing of what follows.

    Args:
        view: The function.
        read: What is tested, or the call that reads it.
        write: What sets the flag, or the call that does.
        by_name: The flag is set in this function.
    """
    return any(
        flag_shapes.keeps_out(view, root, tested[1], other, by_name=by_name)
        for root, node in view.locate(read, "read")
        for other_root, other in view.locate(write, "write")
        if root is other_root and (tested := flag_shapes.flag_test(view, root, node)) is not None
    )


def waits(view: CodeView, read: Position) -> bool:
    """Tell whether this read is the condition of a loop in which nothing is done but to wait."""
    return any(flag_shapes.waits(view, *place) for place in view.locate(read, "read"))


def only_signals(view: CodeView, read: Position) -> bool:
    """Tell whether a test of what is read here does no more than to wake somebody up."""
    return any(shapes.only_signals(view, *place) for place in view.locate(read, "read"))


def is_validated(view: CodeView, first: Position, second: Position) -> bool:
    """Tell whether the write at ``second`` happens only if a version is unchanged since ``first``.

    The version was read into a local before ``first``, and it is compared with that local right
    before the write: in the same ``with`` block, and with no ``await`` in between.
    """
    return any(
        versions.guards(view, root, node, acting)
        for root, node in view.locate(first, "read")
        for other_root, acting in view.locate(second, "write")
        if root is other_root
    )


def is_logged(view: CodeView, read: Position) -> bool:
    """Tell whether what is read here goes into a log message or to ``print``, and nowhere else."""
    places = view.locate(read, "read")
    return any(shapes.logged(view, *place, output=True) for place in places)


def describe(view: CodeView, position: Position) -> str | None:
    """Return the source of the expression at ``position`` on one line, for messages."""
    for _, node in view.locate(position, "read"):
        return view.segment(node)
    return None


def _walk(view: CodeView, root: ast.AST, first: Access, second: Access) -> Outcome | None:
    try:
        return FlowWalk(view, root, first, second).run()
    except (TooComplexError, RecursionError):
        return None


def _link(view: CodeView, root: ast.AST, first: Access, second: Access, control_only: bool) -> Link:
    outcome = _walk(view, root, first, second)
    if outcome is None:
        return Link(Verdict.UNKNOWN)
    if control_only:
        outcome.data = 0
    if not outcome.reached:
        return Link(Verdict.NONE)
    fresh = bool(outcome.reached & FRESH)
    if second.kind == "read" and _checks_again(view, root, first, second):
        return Link(Verdict.RECHECK, back_edge=not fresh)
    if first.kind == "read":
        found = _dependence(outcome)
        if found is not None and not _harmless(view, root, first, second, found):
            return found
    return Link(Verdict.SAME_FUNCTION) if fresh else Link(Verdict.NONE, back_edge=True)


def _dependence(outcome: Outcome) -> Link | None:
    control = outcome.control | as_control(outcome.control) | outcome.data & ~DATA
    if outcome.data & FRESH:
        return Link(Verdict.DATA)
    if control & CONTROL_FRESH:
        return Link(Verdict.CONTROL)
    if outcome.data & CARRIED:
        return Link(Verdict.DATA, back_edge=True)
    return Link(Verdict.CONTROL, back_edge=True) if control & ~DATA else None


def _checks_again(view: CodeView, root: ast.AST, first: Access, second: Access) -> bool:
    """Tell whether the read at ``second`` cannot do harm, since only its value is looked at."""
    if not shapes.only_tested(view, root, second.node):
        return False
    # ``if k in d: ... if d[k] > 3``: the second relies on the item being there.
    present = isinstance(first.node, ast.Compare | ast.Name)
    return not (present and isinstance(second.node, ast.Subscript))


def _harmless(view: CodeView, root: ast.AST, first: Access, second: Access, found: Link) -> bool:
    """Tell whether ``second`` reads only to log, and may log a newer value than was tested."""
    if second.kind != "read" or found.verdict is not Verdict.CONTROL:
        return False
    # What is printed may be the purpose of the program: not after ``if x is not None``.
    output = not shapes.tests_presence(view, root, first.node)
    return shapes.logged(view, root, second.node, output=output)


def _guards(
    view: CodeView, root: ast.AST, first: ast.AST, middle: ast.AST, second: ast.AST
) -> bool:
    parent = view.parent(middle)
    if isinstance(parent, ast.AugAssign) and middle is parent.target:
        return False
    acting = Access(second, "write")
    after = _walk(view, root, Access(middle, "read"), acting)
    before = _walk(view, root, Access(first, "read"), Access(middle, "read"))
    if after is None or before is None or not before.reached & FRESH:
        return False
    if not after.control & CONTROL_FRESH:
        return False
    stale = _walk(view, root, Access(first, "read"), acting)
    if stale is None or not stale.data & DATA:
        return True
    return _pins(view, root, middle, stale)


def _pins(view: CodeView, root: ast.AST, middle: ast.AST, stale: Outcome) -> bool:
    """Tell whether ``middle`` is compared so exactly that the stale value is the current one."""
    places: list[ast.AST] = [middle, *shapes.uses_of_copy(view, root, middle)]
    for place in places:
        if isinstance(place, ast.Compare) and isinstance(place.ops[0], ast.In | ast.NotIn):
            return True
        for child, parent in view.ancestors(place, root):
            if not isinstance(parent, ast.Compare):
                if isinstance(parent, ast.stmt):
                    break
                continue
            if not isinstance(parent.ops[0], _EQUALITIES):
                break
            others = [part for part in (parent.left, *parent.comparators) if part is not child]
            return any(
                isinstance(other, ast.Constant) or stale.values.get(other, 0) & DATA
                for other in others
            )
    return False
