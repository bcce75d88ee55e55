"""What an operation on a container makes of others: does it fail, copy, or merely remove?

The op stream knows kinds of operations only.  ``cache.get(k)`` and ``cache[k]`` are both a read,
but only the second one fails when another actor has popped ``k``; a loop over ``jobs`` and
``list(jobs)`` both walk, but only the second one is a single step of CPython.  The source tells
them apart.  Sources: "Thread safety guarantees" in CPython's library reference.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from raceway.engine import source_shapes as shapes
from raceway.engine.code_view import CodeView, Kind, Position

_COPIES = frozenset({"dict", "frozenset", "list", "set", "sorted", "tuple"})
"""Builtins that take everything out of a container in one step."""
_DEL = "del"
"""In the place of a method: ``del d[k]``."""
_REMOVALS = frozenset({_DEL, "clear", "discard", "pop", "popitem", "popleft", "remove"})
_TAKES_NAMED = frozenset({"discard", "pop", "remove"})
_TAKES_ANY = frozenset({"popitem"})
_COUNTS = frozenset({"update", "subtract"})
_INSERTIONS = frozenset({"append", "appendleft", "insert"})
_MOVES = _REMOVALS | _INSERTIONS
_ENDS = frozenset({"0", "-1"})
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_FAILS_WHEN_GONE = frozenset(
    {"heappop", "heapreplace", "move_to_end", "pop", "popitem", "popleft", "remove"}
)
_COPES = frozenset({"discard", "get", "setdefault"})
_MISSING = frozenset({"IndexError", "KeyError", "LookupError"})
_CAUGHT = _MISSING | {"", "BaseException", "Exception"}


def is_subscript(view: CodeView, position: Position) -> bool:
    """Tell whether the operation is ``d[k]``, as a value."""
    return any(
        isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        for node in _nodes(view, position, "read")
    )


def is_copy(view: CodeView, position: Position) -> bool:
    """Tell whether the operation takes a copy of the whole container in one step."""
    return any(_copies(node) for node in _nodes(view, position, "read"))


def _copies(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return _called(node) in _COPIES or _method(node) == "copy"
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Slice)
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.BitOr)


def is_removal(view: CodeView, position: Position) -> bool:
    """Tell whether the operation takes something out and puts nothing in its place."""
    return _all(view, position, _REMOVALS)


def is_at_end(view: CodeView, position: Position, kind: Kind) -> bool:
    """Tell whether the operation is about the first or last item, whatever that is by then."""
    nodes = _nodes(view, position, kind)
    return bool(nodes) and all(map(_is_at_end, nodes))


def _is_at_end(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return ast.unparse(node.slice) in _ENDS
    if not isinstance(node, ast.Call):
        return False
    if _method(node) == "pop":
        return not node.args or ast.unparse(node.args[0]) in _ENDS
    return _method(node) == "popleft"


def asks_how_full(view: CodeView, position: Position) -> bool:
    """Tell whether the length is only compared with a limit: ``if q``, ``len(q) < 10``.

    Who then takes something out is not disturbed by insertions, and who then puts something in is
    not disturbed by removals.
    """
    places = view.locate(position, "read")
    return bool(places) and all(_asks_how_full(view, *place) for place in places)


def asks_if_empty(view: CodeView, position: Position) -> bool:
    """Tell whether what is asked is whether nothing is there: ``not q``, ``len(q) == 0``."""
    nodes = [node for _, node in view.locate(position, "read")]
    return bool(nodes) and all(_is_emptiness(node, view.parent(node)) for node in nodes)


def _is_emptiness(node: ast.AST, parent: ast.AST | None) -> bool:
    if isinstance(node, ast.BoolOp):  # all of the condition: which part it was is not said
        return any(_is_emptiness(value, node) for value in node.values)
    test = node if isinstance(node, ast.UnaryOp | ast.Compare) else parent
    if isinstance(test, ast.Compare):
        return ast.unparse(test).endswith("== 0")
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _asks_how_full(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    for child, parent in view.ancestors(node, root):
        if isinstance(parent, ast.BoolOp):
            return True
        if isinstance(parent, ast.UnaryOp):
            return isinstance(parent.op, ast.Not)
        if isinstance(parent, ast.If | ast.While | ast.IfExp | ast.Assert):
            return child is parent.test
        if isinstance(parent, ast.Compare):
            return _compares_with_limit(parent)
        if isinstance(parent, ast.Call) and _called(parent) == "bool":
            return True
        if not (isinstance(parent, ast.Call) and _called(parent) == "len"):
            break
    uses = shapes.uses_of_copy(view, root, node)
    return bool(uses) and all(_asks_how_full(view, root, use) for use in uses)


def _compares_with_limit(comparison: ast.Compare) -> bool:
    if len(comparison.ops) > 1:
        return False
    sides = (ast.unparse(comparison.left), ast.unparse(comparison.comparators[0]))
    return isinstance(comparison.ops[0], _ORDERS) or "0" in sides


def takes_any(view: CodeView, position: Position) -> bool:
    """Tell whether the operation takes out whatever is there."""
    return _all(view, position, _TAKES_ANY)


def takes_named(view: CodeView, position: Position) -> bool:
    """Tell whether the operation takes out one item, which is named by its key or value."""
    nodes = _nodes(view, position, "write")
    return bool(nodes) and all(map(_takes_named, nodes))


def _takes_named(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return _deletes(node)
    return _method(node) in _TAKES_NAMED and bool(node.args)


def counts(view: CodeView, position: Position) -> bool:
    """Tell whether the operation adds to what is there: ``Counter.update``."""
    return _all(view, position, _COUNTS)


def is_insertion(view: CodeView, position: Position) -> bool:
    """Tell whether the operation puts something in and takes nothing out."""
    return _all(view, position, _INSERTIONS)


def is_move(view: CodeView, position: Position) -> bool:
    """Tell whether the operation takes something out or puts something in, and is one step."""
    return _all(view, position, _MOVES)


def _all(view: CodeView, position: Position, methods: frozenset[str]) -> bool:
    nodes = _nodes(view, position, "write")
    return bool(nodes) and all(
        (_DEL if _deletes(node) else _method(node)) in methods for node in nodes
    )


def fails_when_gone(view: CodeView, position: Position, kind: Kind) -> bool:
    """Tell whether the operation raises if what it is about is not there."""
    nodes = _nodes(view, position, kind)
    # Where only the line is known there may be several, and a call that is none of ours.
    return any(map(_fails, nodes)) and not any(map(_copes, nodes))


def _copes(node: ast.AST) -> bool:
    """Tell whether ``node`` is an operation that does not mind a missing item."""
    if isinstance(node, ast.Call):
        return _method(node) in _COPES or (_method(node) == "pop" and not _fails(node))
    return isinstance(node, ast.Compare)


def _fails(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Store)
    if not isinstance(node, ast.Call):
        return False
    name = _method(node) or _called(node)
    has_default = name == "pop" and len(node.args) + len(node.keywords) > 1
    return name in _FAILS_WHEN_GONE and not has_default


def is_forgiven(view: CodeView, position: Position, kind: Kind, *, called: bool) -> bool:
    """Tell whether the code around the operation is ready for a key that is not there.

    Args:
        view: The function that operates, or a caller of it.
        position: The operation, or the call that leads to it.
        kind: Whether it reads or writes.
        called: It is a caller: what catches everything there was not meant for this.
    """
    expected = _MISSING if called else _CAUGHT
    return any(
        _forgives(child, parent, expected)
        for root, node in view.locate(position, kind)
        for child, parent in view.ancestors(node, root)
    )


def _forgives(child: ast.AST, parent: ast.AST, expected: frozenset[str]) -> bool:
    if isinstance(parent, ast.Try) and child in parent.body:
        return any(_catches(handler.type, expected) for handler in parent.handlers)
    if isinstance(parent, ast.With) and child in parent.body:
        calls = [item.context_expr for item in parent.items]
        return any(
            isinstance(call, ast.Call)
            and "suppress" in {_called(call), _method(call)}
            and any(_catches(kind, expected) for kind in call.args)
            for call in calls
        )
    return False


def _catches(kind: ast.AST | None, expected: frozenset[str]) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(_catches(one, expected) for one in kind.elts)
    name = kind.id if isinstance(kind, ast.Name) else "" if kind is None else "?"
    return name in expected


def _nodes(view: CodeView, position: Position, kind: Kind) -> list[ast.AST]:
    return [node for found in view.locate(position, kind) for node in _parts(found[1])]


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a node stands for: a deletion has the range of the statement in some versions."""
    if isinstance(node, ast.Delete):
        yield from node.targets
    else:
        yield node


def _deletes(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Del)


def _called(node: ast.AST) -> str:
    is_name = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return node.func.id if is_name else ""  # type: ignore[attr-defined]  # see the line above


def _method(node: ast.AST) -> str:
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return node.func.attr if is_method else ""  # type: ignore[attr-defined]  # as above
