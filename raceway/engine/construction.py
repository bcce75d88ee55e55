"""Whether an access initialises an object that nobody else can know yet.

What ``__init__`` stores in ``self`` comes before everything that others do with the object: they
get it when it is complete, by whatever way, a global name or a cache that is not watched.  Unless
``__init__`` itself gives it away, to a thread that it starts or a registry.
"""

from __future__ import annotations

import ast

from raceway.engine.code_view import FUNCTIONS, CodeView, Position


def is_construction(view: CodeView, position: Position) -> bool:
    """Tell whether the access at ``position`` is one to ``self`` in an ``__init__`` that keeps it.

    Args:
        view: The function that accesses.
        position: The access.

    Example:
        ``self.size = 0`` in ``__init__``, unless the function contains ``registry.add(self)``,
        ``Thread(target=self.run)`` or a call of a method of its own.
    """
    return any(
        isinstance(root, FUNCTIONS) and _is_own(root, node) and not _gives_away(view, root)
        for kind in ("read", "write")
        for root, node in view.locate(position, kind)
    )


def _is_own(root: ast.AST, node: ast.AST) -> bool:
    if isinstance(node, ast.AugAssign):
        node = node.target
    return isinstance(node, ast.Attribute) and _is_self(root, node.value)


def _is_self(root: ast.AST, node: ast.AST) -> bool:
    if not isinstance(root, ast.FunctionDef) or root.name != "__init__":
        return False
    arguments = [*root.args.posonlyargs, *root.args.args]
    return bool(arguments) and isinstance(node, ast.Name) and node.id == arguments[0].arg


def _gives_away(view: CodeView, root: ast.AST) -> bool:
    """Tell whether ``self`` is used for anything but attributes that are stored right here."""
    own = [node for node in ast.walk(root) if _is_self(root, node)]
    around = [view.parent(node) for node in own]
    stored = {
        node.attr
        for node in around
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    return any(not isinstance(node, ast.Attribute) or node.attr not in stored for node in around)
