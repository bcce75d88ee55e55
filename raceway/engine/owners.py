"""How a function came by the object that it accesses: by a local name, or it always knew it.

A thread that takes an object out of a list, under the lock under which another has put it there,
owns it from then on.  Raceway does not see lists that are not watched, so the order of that lock is
all there is; it is meant, where it would be chance for two functions that share a global.
"""

from __future__ import annotations

import ast
from typing import Literal

from raceway.engine.code_view import FUNCTIONS, CodeView, Position
from raceway.engine.source_shapes import LOOKS_AT, stored

Reach = Literal["taken", "parameter", "shared", "unknown"]

_OF_ONE = LOOKS_AT | {
    "dict",
    "enumerate",
    "iter",
    "list",
    "next",
    "reversed",
    "set",
    "sorted",
    "tuple",
}
"""Calls that do something to their only argument."""


def reach(view: CodeView, position: Position) -> Reach:
    """Tell through what kind of name the access at ``position`` reaches its object.

    Args:
        view: The function that accesses.
        position: The access, or the call that leads to it.

    Returns:
        ``taken`` for a name that the function assigns inside a ``with`` block, ``parameter``,
        ``shared`` for a global, one of an enclosing function, or any other local name, and
        ``unknown`` where it is no name at all.

    Example:
        In ``with lock: task = jobs.pop()`` and then ``task.done = True`` the write reaches its
        object as ``taken``.
    """
    for kind in ("read", "write"):
        for root, node in view.locate(position, kind):
            name = _base(node)
            if name is not None and isinstance(root, FUNCTIONS):
                return _reach_of(root, name)
    return "unknown"


def is_swapped_out(view: CodeView, position: Position) -> bool:
    """Tell whether the object accessed at ``position`` was exchanged for another one before.

    After ``ready, self.waiting = self.waiting, []``, or the same in two statements, nobody else
    comes by the object that is called ``ready`` now.
    """
    for root, node in view.locate(position, "read"):
        name = _base(node)
        if name is not None and isinstance(root, FUNCTIONS):
            return any(_swaps(view, one, name) for one in ast.walk(root))
    return False


def swaps_out(view: CodeView, write: Position, later: Position) -> bool:
    """Tell whether the statement at ``write`` exchanges the object that is used at ``later``."""
    names = {
        _base(node) for root, node in view.locate(later, "read") if isinstance(root, FUNCTIONS)
    }
    for root, node in view.locate(write, "write"):
        for _, parent in view.ancestors(node, root):
            if isinstance(parent, ast.stmt):
                block: list[ast.stmt] = getattr(view.parent(parent), "body", [])
                at = block.index(parent) if parent in block else 0
                both = (parent, *block[max(0, at - 1) : at])  # it may be taken in the one before
                return any(_swaps(view, one, name) for one in both for name in names if name)
    return False


def _swaps(view: CodeView, node: ast.AST, name: str) -> bool:
    """Tell whether ``node`` takes an object by ``name`` and puts another one in its place."""
    if not isinstance(node, ast.Assign):
        return False
    taken = {
        ast.unparse(value)
        for target, value in stored(node)
        if isinstance(target, ast.Name) and target.id == name
        if isinstance(value, ast.Attribute | ast.Subscript)
    }
    block: list[ast.stmt] = getattr(view.parent(node), "body", [])
    after = block[block.index(node) + 1 :][:1] if node in block else []
    return any(
        ast.unparse(target) in taken
        for one in (node, *after)
        if isinstance(one, ast.Assign)
        for target, _ in stored(one)
    )


def _base(node: ast.AST) -> str | None:
    """Return ``a`` of ``a.b['c'].d``, of ``a.b()``, of ``len(a)`` and of ``not a``."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                node = node.func
            elif len(node.args) == 1 and getattr(node.func, "id", "") in _OF_ONE:
                node = node.args[0]
            else:
                return None  # f(a): which argument it was is not said
        elif isinstance(node, ast.AugAssign):
            node = node.target
        elif isinstance(node, ast.UnaryOp):
            node = node.operand
        else:
            return None
    return node.id


def _reach_of(root: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, name: str) -> Reach:
    arguments = root.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if any(argument.arg == name for argument in named):
        return "parameter"
    for node in ast.walk(root):
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return "shared"
    blocks = (node for node in ast.walk(root) if isinstance(node, ast.With | ast.AsyncWith))
    for block in blocks:
        for node in (inner for statement in block.body for inner in ast.walk(statement)):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
                return "taken"
    return "shared"
