"""Qualified names of functions, from their source: Python 3.10 does not keep them in the code."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raceway.model.findings import Frame

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def qualified_name(frame: Frame) -> str:
    """Return ``Cache.get`` where the frame only says ``get``; what it says if that is not known."""
    if "." in frame.function:
        return frame.function
    found = frame.function
    for name, first, last in _functions(frame.file):  # outer ones first
        if first <= frame.line <= last and name.rpartition(".")[2] == frame.function:
            found = name
    return found


@lru_cache(maxsize=64)
def _functions(file: str) -> tuple[tuple[str, int, int], ...]:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(_inside(tree, ""))


def _inside(node: ast.AST, prefix: str) -> Iterator[tuple[str, int, int]]:
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, (*_Function, ast.ClassDef)):
            name = prefix + child.name
            inner = f"{name}."
            if isinstance(child, _Function):
                inner += "<locals>."
                yield name, child.lineno, child.end_lineno or child.lineno
        yield from _inside(child, inner)
