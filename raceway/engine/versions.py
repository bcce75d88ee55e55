"""Recognise optimistic updates: a version is read, and compared before something is stored.

``base = page.version; text = await edit(page.text); if page.version == base: page.text = text`` is
no lost update, although ``page.text`` was read long ago: whoever stores a text counts the version
up, and then this one is not stored.  A purely syntactic question, as in
:mod:`raceway.engine.source_shapes`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from raceway.engine.code_view import CodeView
from raceway.engine.source_shapes import LEAVES, LOOPS, key_of, own_parts, stored

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


def _guarding(view: CodeView, root: ast.AST, second: ast.AST) -> Iterator[tuple[ast.AST, ast.Name]]:
    """Yield what a local is compared with, and the local, where ``second`` needs both equal."""
    for child, parent in view.ancestors(second, root):
        if isinstance(parent, ast.If) and child is not parent.test:
            operator: type[ast.AST] = ast.Eq if child in parent.body else ast.NotEq
            if not _may_switch(_up_to(parent, child), second):
                yield from _compared(parent.test, operator)
        block = _up_to(parent, child)
        for index, statement in enumerate(block[:-1]):
            if (
                isinstance(statement, ast.If)
                and isinstance(statement.body[-1], LEAVES)
                and not _may_switch(block[index + 1 :], second)
            ):
                yield from _compared(statement.test, ast.NotEq)
        if isinstance(parent, (ast.With, ast.AsyncWith, *LOOPS)):
            return  # what was compared outside of the block is out of date


def _compared(test: ast.AST, operator: type[ast.AST]) -> Iterator[tuple[ast.AST, ast.Name]]:
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], operator):
        return
    one, two = test.left, test.comparators[0]
    for shared, local in ((one, two), (two, one)):
        if isinstance(local, ast.Name) and isinstance(shared, ast.Attribute | ast.Subscript):
            yield shared, local


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
