"""Recognise optimistic updates: a version is read, and compared before something is stored.

``base = page.version; text = await edit(page.text); if page.version == base: page.text = text`` is
no lost update, although ``page.text`` was read long ago: whoever stores a text counts the version
up, and then this one is not stored.  A purely syntactic question, as in
:mod:`raceway.engine.source_shapes`.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator

from raceway.engine.code_view import CodeView
from raceway.engine.source_shapes import LEAVES, LOOPS, key_of, own_parts, stored

_CALLS_DEEP = 2
_SWITCHES = (ast.Await, ast.AsyncWith, ast.AsyncFor)


def guards(view: CodeView, root: ast.AST, first: ast.AST, second: ast.AST) -> bool:
    """Tell whether a test that a version is still the one read before guards ``second``.

    Args:
        view: The code.
        root: The code object.
        first: The read that the write relies on.
        second: The write.
    """
    return any(
        _was_read_before(root, shared, local.id, first)
        for shared, local in _guarding(view, root, second)
    )


def guarding_parameters(view: CodeView, root: ast.AST, second: ast.AST) -> dict[str, ast.AST]:
    """Return the parameters with which a version is compared before ``second`` is done.

    Returns:
        For each of these parameters the version, such as ``self.version``.
    """
    if not isinstance(root, ast.FunctionDef | ast.AsyncFunctionDef):
        return {}
    arguments = root.args
    names = {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    return {
        local.id: shared
        for shared, local in _guarding(view, root, second)
        if local.id in names and not _stores(root, local.id)
    }


def is_version_before(
    root: ast.AST, name: str, version: ast.AST, first: ast.AST, getter: CodeView | None
) -> bool:
    """Tell whether a local was read from the version that a callee calls ``version``.

    Args:
        root: The caller.
        name: The local that the caller passes on.
        version: What the callee compares it with.
        first: The read that the write relies on, or the call that leads to it.
        getter: What ``first`` calls, which may give back a version, too.
    """
    wanted = _last_name(version)
    stores = _stores(root, name)
    for node, value in stores:
        if _is_before(node, first) and _last_name(value) == wanted:
            continue
        if getter is None or first not in (value, getattr(value, "value", None)):
            return False
        parts = (part for code in getter.roots for part in ast.walk(code))
        if not any(_last_name(part) == wanted for part in parts):
            return False
    return bool(stores)


def _guarding(
    view: CodeView, root: ast.AST, second: ast.AST, depth: int = 0
) -> Iterator[tuple[ast.AST, ast.Name]]:
    """Yield what a local is compared with, and the local, where ``second`` needs both equal."""
    for child, parent in view.ancestors(second, root):
        if isinstance(parent, ast.If) and child is not parent.test:
            same = child in parent.body
            if not _may_switch(_up_to(parent, child), second):
                yield from _compared(view, parent.test, depth, same=same)
        block = _up_to(parent, child)
        for index, statement in enumerate(block[:-1]):
            if not _may_switch(block[index + 1 :], second):
                yield from _demanded(view, statement, depth)
        if isinstance(parent, (ast.With, ast.AsyncWith, *LOOPS)):
            return  # what was compared outside of the block is out of date


def _demanded(view: CodeView, node: ast.stmt, depth: int) -> Iterator[tuple[ast.AST, ast.Name]]:
    """Yield the same where nothing comes after a statement unless both are equal."""
    if isinstance(node, ast.If) and isinstance(node.body[-1], LEAVES):
        yield from _compared(view, node.test, depth, same=False)
    elif isinstance(node, ast.Assert):
        yield from _compared(view, node.test, depth, same=True)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield from _asked(view, node.value, None, depth)
    elif isinstance(node, ast.Try) and all(
        isinstance(handler.body[-1], LEAVES) for handler in node.handlers
    ):
        yield from _demanded(view, node.body[-1], depth)


def _compared(
    view: CodeView, test: ast.AST, depth: int, *, same: bool
) -> Iterator[tuple[ast.AST, ast.Name]]:
    """Yield the same where both are equal if ``test`` is true, or with ``same`` unset, false."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _compared(view, test.operand, depth, same=not same)
    elif isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And if same else ast.Or):
        for operand in test.values:
            yield from _compared(view, operand, depth, same=same)
    elif isinstance(test, ast.Call):
        yield from _asked(view, test, same, depth)
    elif isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq if same else ast.NotEq):
        one, two = test.left, test.comparators[0]
        for shared, local in ((one, two), (two, one)):
            if isinstance(local, ast.Name) and isinstance(shared, ast.Attribute | ast.Subscript):
                yield shared, local


def _asked(
    view: CodeView, call: ast.Call, answer: bool | None, depth: int
) -> Iterator[tuple[ast.AST, ast.Name]]:
    """Yield the same for a function of this file that compares what it is given.

    Args:
        view: The code.
        call: The call.
        answer: What it says if both are equal; None if it raises unless they are.
        depth: How many calls have led here.
    """
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if depth >= _CALLS_DEEP or any(isinstance(one, ast.Starred) for one in call.args):
        return
    found = [
        [
            (_in_terms_of(shared, given), given[local.id])
            for shared, local in _answering(view, function, answer, depth + 1)
            if isinstance(given.get(local.id), ast.Name) and not _stores(function, local.id)
        ]
        for function in view.source.functions(name)
        for given in [_given(function, call)]
    ]
    if found and all(found):  # whichever of them it is
        yield from found[0]  # type: ignore[misc]  # they are names, see above


def _answering(
    view: CodeView, function: ast.FunctionDef, answer: bool | None, depth: int
) -> Iterator[tuple[ast.AST, ast.Name]]:
    if answer is None:
        for statement in function.body:
            raises = isinstance(statement, ast.If) and isinstance(statement.body[-1], ast.Raise)
            if raises or isinstance(statement, ast.Assert | ast.Expr):
                yield from _demanded(view, statement, depth)
        return
    returns = [node for node in own_parts(function.body) if isinstance(node, ast.Return)]
    given = [
        node
        for node in returns
        if not isinstance(node.value, ast.Constant) or bool(node.value.value) is answer
    ]
    ends = isinstance(function.body[-1], ast.Return)
    if len(given) != 1 or given[0].value is None or not (ends or answer):
        return
    yield from _guarding(view, function, given[0], depth)
    if not any(isinstance(one, ast.With) for _, one in view.ancestors(given[0], function)):
        yield from _compared(view, given[0].value, depth, same=answer)


def _given(function: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr]:
    """Return what the parameters of a function stand for in a call, as far as that is said."""
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    given = {word.arg: word.value for word in call.keywords if word.arg is not None}
    if isinstance(call.func, ast.Attribute) and names and names[0] in {"self", "cls"}:
        given[names.pop(0)] = call.func.value
    return given | dict(zip(names, call.args, strict=False))


def _in_terms_of(shared: ast.AST, given: dict[str, ast.expr]) -> ast.AST:
    """Return what a callee calls ``self.version`` as its caller calls it."""

    class Caller(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return given.get(node.id, node)

    return Caller().visit(copy.deepcopy(shared))  # type: ignore[no-any-return]  # a node


def _was_read_before(root: ast.AST, shared: ast.AST, name: str, first: ast.AST) -> bool:
    """Tell whether a local was read from ``shared``, whenever it was assigned, before ``first``."""
    stores = _stores(root, name)
    return bool(stores) and all(
        key_of(value) == key_of(shared) and _is_before(node, first) for node, value in stores
    )


def _stores(root: ast.AST, name: str) -> list[tuple[ast.Assign, ast.AST]]:
    """Return the assignments to a local, each with its value, or the tuple that has it."""
    return [
        (node, value)
        for node in ast.walk(root)
        if isinstance(node, ast.Assign)
        for target, value in stored(node)
        for part in (target.elts if isinstance(target, ast.Tuple) else (target,))
        if isinstance(part, ast.Name) and part.id == name
    ]


def _last_name(node: ast.AST) -> str | None:
    """Return the name by which objects of different names have the same thing."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return ast.unparse(node.slice) if isinstance(node, ast.Subscript) else None


def _is_before(statement: ast.stmt, node: ast.AST) -> bool:
    """Tell whether ``statement`` begins before ``node``, or contains it."""
    place = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
    return (statement.lineno, statement.col_offset) <= place


def _up_to(parent: ast.AST, child: ast.AST) -> list[ast.stmt]:
    """Return the statements of the block of ``child``, from the first to ``child`` itself."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(parent, field, None)
        if isinstance(block, list) and child in block:
            return block[: block.index(child) + 1]
    return []


def _may_switch(statements: Iterable[ast.stmt], second: ast.AST) -> bool:
    """Tell whether one of these awaits, up to the one with ``second`` in it."""
    for statement in statements:
        parts = list(own_parts([statement]))
        if any(isinstance(part, _SWITCHES) for part in parts):
            return True
        if second in parts:
            return False
    return False
