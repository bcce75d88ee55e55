"""Recognise optimistic updates: a version is read, and compared before something is stored.

``base = page.version; text = await edit(page.text); if page.version == base: page.text = text`` is
no lost update, although ``page.text`` was read long ago: whoever stores a text counts the version
up, and then this one is not stored.  A purely syntactic question, as in
:mod:`raceway.engine.source_shapes`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

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
    for child, parent in view.ancestors(second, root):
        if isinstance(parent, ast.If) and child is not parent.test:
            operator: type[ast.AST] = ast.Eq if child in parent.body else ast.NotEq
            if _compares_version(root, parent.test, operator, first):
                return not _may_switch(_up_to(parent, child), second)
        block = _up_to(parent, child)
        for index, statement in enumerate(block[:-1]):
            if (
                isinstance(statement, ast.If)
                and isinstance(statement.body[-1], LEAVES)
                and _compares_version(root, statement.test, ast.NotEq, first)
            ):
                return not _may_switch(block[index + 1 :], second)
        if isinstance(parent, (ast.With, ast.AsyncWith, *LOOPS)):
            return False  # what was compared outside of the block is out of date
    return False


def _compares_version(
    root: ast.AST, test: ast.AST, operator: type[ast.AST], first: ast.AST
) -> bool:
    """Tell whether ``test`` compares what is shared with a local that was read from it."""
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], operator):
        return False
    one, two = test.left, test.comparators[0]
    for shared, local in ((one, two), (two, one)):
        if not isinstance(local, ast.Name) or not isinstance(shared, ast.Attribute | ast.Subscript):
            continue
        stores = [
            (node, value)
            for node in ast.walk(root)
            if isinstance(node, ast.Assign)
            for target, value in stored(node)
            if isinstance(target, ast.Name) and target.id == local.id
        ]
        if stores and all(
            key_of(value) == key_of(shared) and _is_before(node, first) for node, value in stores
        ):
            return True
    return False


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
