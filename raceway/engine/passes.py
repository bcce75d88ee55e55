"""Whether a place that was reached again since belongs to an earlier call, or pass of a loop.

Call stacks tell places apart and not times: two calls of one function from one line look alike.
So the stale half of a sequence may be left over from a call that is over.  It is, if its place was
reached again, on another variable, and the source shows that one call gets there only once.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

from raceway.engine.code_view import CodeView, Position

_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.comprehension)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BUILTINS = frozenset(dir(builtins))


def is_reached_once(view: CodeView, position: Position) -> bool:
    """Tell whether one call of the function gets to ``position`` no more than once."""
    places = _places(view, position)
    return bool(places) and not any(_loop(view, root, node) for root, node in places)


def calls_once(view: CodeView, position: Position, callee: str) -> bool:
    """Tell whether what is at ``position`` calls the function named ``callee`` once."""
    places = _places(view, position)
    return bool(places) and all(_calls_once(node, callee) for _, node in places)


def shares_loop(view: CodeView, first: Position, second: Position) -> bool | None:
    """Tell whether both are in the innermost loop around ``first``; None if there is no loop."""
    answers = set()
    for root, node in _places(view, first):
        loop = _loop(view, root, node)
        inside = loop is not None and all(
            any(parent is loop for _, parent in view.ancestors(other, other_root))
            for other_root, other in _places(view, second)
        )
        answers.add(None if loop is None else inside)
    return answers.pop() if len(answers) == 1 else False


def _places(view: CodeView, position: Position) -> Iterable[tuple[ast.AST, ast.AST]]:
    return {*view.locate(position, "read"), *view.locate(position, "write")}


def _loop(view: CodeView, root: ast.AST, node: ast.AST) -> ast.AST | None:
    if isinstance(root, _COMPREHENSIONS):
        return root
    for _, parent in view.ancestors(node, root):
        if isinstance(parent, (*_LOOPS, *_COMPREHENSIONS)):
            return parent
    return None


def _calls_once(node: ast.AST, callee: str) -> bool:
    if callee.startswith("<"):
        return False  # a lambda, or what is inside a comprehension
    if not isinstance(node, ast.Call):
        return True  # a property, an operator, a context manager
    name = _name(node.func)
    if name == callee:
        return True
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return name not in _BUILTINS and callee not in map(_name, given)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
