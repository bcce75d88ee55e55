"""Helpers of the data-flow walk that look at the syntax tree alone."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable

from raceway.engine.code_view import COMPREHENSIONS

_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp)


def operands(node: ast.AST) -> Iterable[ast.AST]:
    """Return the expressions directly inside ``node``, in source order."""
    return [
        child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr | ast.keyword)
    ]


def repeats(parent: ast.AST, child: ast.AST) -> bool:
    """Tell whether the loop ``parent`` executes its direct ``child`` in each pass."""
    if isinstance(parent, ast.While):
        return child not in parent.orelse
    if isinstance(parent, ast.For | ast.AsyncFor):
        return child is not parent.iter and child not in parent.orelse
    return isinstance(parent, COMPREHENSIONS)


def root_name(node: ast.AST) -> str | None:
    """Return the local name through which ``node`` gets at the variable."""
    while True:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute | ast.Subscript | ast.Await):
            node = node.value
        else:
            return None


def pairs(
    target: ast.Tuple | ast.List, value: ast.AST | None
) -> Iterable[tuple[ast.AST, ast.AST | None]]:
    """Pair the elements of an unpacking target with those of a displayed tuple or list."""
    if (
        isinstance(value, ast.Tuple | ast.List)
        and len(value.elts) == len(target.elts)
        and not any(isinstance(item, ast.Starred) for item in [*value.elts, *target.elts])
    ):
        return list(zip(target.elts, value.elts, strict=True))
    return [(element, None) for element in target.elts]


def defaults(arguments: ast.arguments) -> list[ast.expr | None]:
    """Return the default values, which are evaluated where the function is defined."""
    return [*arguments.defaults, *arguments.kw_defaults]


def free_names(node: ast.AST) -> set[str]:
    """Return the names that a nested function looks up (those of its own included)."""
    return {
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
    }


@functools.lru_cache(maxsize=256)
def assigned_names(root: ast.AST) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names bound by assignment, and those bound to a container displayed here."""
    bound: set[str] = set()
    built: set[str] = set()
    foreign: set[str] = set()
    for node in ast.walk(root):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            foreign.update(node.names)
        elif isinstance(node, ast.Assign) and isinstance(node.value, _DISPLAYS):
            built.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return frozenset(bound - foreign), frozenset(built - foreign)
