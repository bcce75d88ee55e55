"""Recognise the tests of flags: for one value only, by who does not pass, in a loop that waits.

Purely syntactic questions, as in :mod:`raceway.engine.source_shapes`; what flags are good for is
said in :mod:`raceway.engine.flags`.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from raceway.engine.code_view import CodeView
from raceway.engine.source_shapes import (
    LEAVES,
    LOOPS,
    WAITS,
    called,
    is_log_call,
    key_of,
    mentions,
    uses_of_copy,
)


class FlagTest(NamedTuple):
    """A test that asks for little more than one value.

    Attributes:
        compares: It compares with ``constant``; else it asks for the truth of the value.
        constant: What with.
        presence: It asks whether a key is there.
    """

    compares: bool = False
    constant: object = None
    presence: bool = False


def flag_test(view: CodeView, root: ast.AST, node: ast.AST) -> tuple[FlagTest, ast.AST] | None:
    """Tell how ``node`` is tested, if that is for its truth or for one value only, and where."""
    for place in (node, *uses_of_copy(view, root, node)[:1]):
        test = _flag_test(view, root, place)
        if test is not None:
            return test
    return None


def _flag_test(view: CodeView, root: ast.AST, node: ast.AST) -> tuple[FlagTest, ast.AST] | None:
    found: FlagTest | None = None
    inverted = False
    joined: ast.boolop | None = None
    if isinstance(node, ast.Compare):
        if not isinstance(node.ops[0], ast.In | ast.NotIn) or len(node.ops) > 1:
            return None
        found = FlagTest(presence=True)
        inverted = isinstance(node.ops[0], ast.NotIn)
    for child, parent in view.ancestors(node, root):
        if isinstance(parent, ast.Compare):
            found = None if found or joined else _compared_with(parent)
            if found is None:
                return None
        elif isinstance(parent, ast.If | ast.While):
            if child is not parent.test or (joined and not _decides_alone(parent, joined)):
                return None
            return found or FlagTest(), parent
        elif joined or (found and found.compares and isinstance(parent, ast.BoolOp)):
            return None
        elif isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
            inverted = not inverted
        elif isinstance(parent, ast.BoolOp) and isinstance(parent.op, ast.Or) is not inverted:
            joined = parent.op  # ``busy or closed`` is true if it is set, ``not busy and x`` false
        else:
            return None
    return None


def _compared_with(comparison: ast.Compare) -> FlagTest | None:
    value = comparison.comparators[0]
    exact = isinstance(comparison.ops[0], ast.Eq | ast.NotEq | ast.Is | ast.IsNot)
    if not exact or len(comparison.ops) > 1 or not isinstance(value, ast.Constant):
        return None
    return FlagTest(compares=True, constant=value.value)


def _decides_alone(test: ast.If | ast.While, joined: ast.boolop) -> bool:
    """Tell whether what else is asked cannot let anybody pass who finds the flag set."""
    if isinstance(test, ast.While):
        return isinstance(joined, ast.Or)
    return isinstance(test.body[-1], LEAVES) is isinstance(joined, ast.Or)


def keeps_out(
    view: CodeView, root: ast.AST, test: ast.AST, second: ast.AST, *, by_name: bool
) -> bool:
    """Tell whether all that comes after ``second`` is done only by who has passed the test.

    Args:
        view: The code.
        root: The code object.
        test: The ``if`` or ``while`` statement.
        second: What sets the flag, or the call that does.
        by_name: The flag is set here, by its name.
    """
    key = key_of(second) if by_name else None
    for child, parent in view.ancestors(test, root):
        always = parent.finalbody if isinstance(parent, ast.Try) and child in parent.body else []
        if key and any(mentions(part, key) for part in always):
            return False  # who is kept out resets it, too
    if not isinstance(test, ast.If):
        return True
    block = [part for part in test.body if second in ast.walk(part)]
    if not block:  # who has not passed has left
        other = any(second in ast.walk(part) for part in test.orelse)
        return isinstance(test.body[-1], LEAVES) and not (other and not _ends(view, root, test))
    if isinstance(test.body[-1], ast.Break):
        loop = next((one for _, one in view.ancestors(test, root) if isinstance(one, LOOPS)), None)
        return loop is not None and bool(loop.orelse) and isinstance(loop.orelse[-1], LEAVES)
    resets = key is not None and any(
        part is not second and key_of(part) == key and _is_stored(part)
        for statement in test.body
        for part in ast.walk(statement)
        if isinstance(part, ast.expr)
    )
    return resets or isinstance(test.body[-1], LEAVES) or _ends(view, root, test)


def _is_stored(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)


def _ends(view: CodeView, root: ast.AST, statement: ast.AST) -> bool:
    """Tell whether nothing comes after a statement in its function, or in a pass of its loop."""
    for child, parent in view.ancestors(statement, root):
        if isinstance(parent, ast.ExceptHandler | ast.Try | ast.Match | ast.match_case):
            return False
        block = next(
            (part for part in (getattr(parent, name, []) for name in ("body", "orelse"))
             if isinstance(part, list) and child in part), [],
        )  # fmt: skip
        if not block or block[-1] is not child:
            return False
        if isinstance(parent, LOOPS):
            return True
    return True


def waits(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether ``node`` is the whole condition of a loop that does nothing but to wait."""
    tested = flag_test(view, root, node)
    loop = tested[1] if tested is not None else None
    return (
        isinstance(loop, ast.While)
        and not isinstance(loop.test, ast.BoolOp)
        and not loop.orelse
        and all(map(_only_waits, loop.body))
    )


def _only_waits(node: ast.stmt) -> bool:
    if isinstance(node, ast.Pass | ast.Continue):
        return True
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Await):
        call = call.value
    if not isinstance(call, ast.Call):
        return False
    return called(call) in WAITS or is_log_call(call, output=True)
