"""Recognise that what was read is taken off again, exactly: nothing that was added is lost.

``pending = stats.pending; send(pending); stats.pending -= pending`` is right whatever others have
added meanwhile, and so is ``batch = jobs[:10]; run(batch); del jobs[:len(batch)]``.  Purely
syntactic questions, as in :mod:`raceway.engine.source_shapes`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from raceway.engine.code_view import CodeView, Position
from raceway.engine.source_shapes import elements, key_of, mentions

_COPIES = frozenset({"Counter", "dict", "list", "tuple"})
_STEPS = 5
"""Locals and copies between a read and its use, at most."""
_PARTS = frozenset({"copy", "items", "values"})


def takes_off(
    view: CodeView, first: Position, second: Position, callee: tuple[CodeView, Position] | None
) -> bool:
    """Tell whether what was read at ``first`` is what is taken off at ``second``.

    Args:
        view: The function in which both are.
        first: The read, or the call that gives back what was read.
        second: The write, or the call of a function that writes.
        callee: That function, and the write in it.
    """
    return any(
        _is_it(root, amount, node)
        for root, node in view.locate(first, "read")
        for other_root, other in view.locate(second, "write")
        if root is other_root
        for amount in (_amounts(view, other) if callee is None else _given(other, *callee))
    )


def is_renewal(view: CodeView, write: Position, read: Position) -> bool:
    """Tell whether ``write`` is done under a condition, and ``read`` in any case.

    Who has not written reads what is there, so that what others have written is as good.  Not so if
    the condition asks for the variable itself, or what is stored is what the function was given.
    """
    return any(
        _is_renewal(view, root, node, other)
        for root, node in view.locate(write, "write")
        for other_root, other in view.locate(read, "read")
        if root is other_root
    )


def _is_renewal(view: CodeView, root: ast.AST, write: ast.AST, read: ast.AST) -> bool:
    assignment = view.parent(write)
    if not isinstance(assignment, ast.Assign) or _is_given(root, assignment.value):
        return False
    key = key_of(write)
    branches = [
        parent
        for child, parent in view.ancestors(write, root)
        if isinstance(parent, ast.If) and child in parent.body
    ]
    around = [parent for _, parent in view.ancestors(read, root)]
    return (
        any(branch not in around and not branch.orelse for branch in branches)
        and not any(mentions(branch.test, key) for branch in branches)
        and not any(
            value is not None and mentions(value, key)
            for branch in branches
            for part in ast.walk(branch.test)
            if isinstance(part, ast.Name)
            for value in _stores(root, part.id)
        )
    )


def _is_given(root: ast.AST, value: ast.AST) -> bool:
    """Tell whether a value has to do with what the function was called with, but for ``self``."""
    arguments = getattr(root, "args", None)
    if not isinstance(arguments, ast.arguments):
        return False
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    extra = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    names = {one.arg for one in (*named, *extra)} - {"self", "cls"}
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(value))


def adds(view: CodeView, position: Position) -> bool:
    """Tell whether the write at ``position`` adds something to what is there."""
    nodes = [node for _, node in view.locate(position, "write")]
    return bool(nodes) and all(_operator(view, node) is ast.Add for node in nodes)


def removes_head(view: CodeView, position: Position) -> bool:
    """Tell whether the write at ``position`` is ``del items[:n]``."""
    nodes = [node for _, node in view.locate(position, "write")]
    return bool(nodes) and all(_head(view, node) is not None for node in nodes)


def _operator(view: CodeView, node: ast.AST) -> type[ast.operator] | None:
    parent = view.parent(node)
    if isinstance(parent, ast.AugAssign) and parent.target is node:
        return type(parent.op)
    if (
        isinstance(parent, ast.Assign)
        and node in parent.targets
        and isinstance(parent.value, ast.BinOp)
        and key_of(parent.value.left) == key_of(node)
    ):
        return type(parent.value.op)
    return None


def _amounts(view: CodeView, node: ast.AST) -> Iterator[ast.AST]:
    """Yield what ``node`` takes off: the right side of ``-=``, or those whose number it is."""
    parent = view.parent(node)
    if _operator(view, node) is ast.Sub:
        if isinstance(parent, ast.AugAssign):
            yield parent.value
        elif isinstance(parent, ast.Assign) and isinstance(parent.value, ast.BinOp):
            yield parent.value.right
    head = _head(view, node)
    if isinstance(head, ast.Call) and getattr(head.func, "id", "") == "len" and head.args:
        yield head.args[0]
    elif head is not None:
        yield head


def _head(view: CodeView, node: ast.AST) -> ast.AST | None:
    """Return the ``n`` of ``del items[:n]``."""
    targets = node.targets if isinstance(node, ast.Delete) else [node]
    if len(targets) != 1 or not isinstance(view.parent(targets[0]), ast.Delete):
        return None
    target = targets[0]
    part = target.slice if isinstance(target, ast.Subscript) else None
    if not isinstance(part, ast.Slice) or part.step is not None:
        return None
    starts = part.lower is None or ast.unparse(part.lower) == "0"
    return part.upper if starts else None


def _given(call: ast.AST, view: CodeView, second: Position) -> Iterator[ast.AST]:
    """Yield what a call passes for the parameter that its callee takes off."""
    if isinstance(call, ast.Await):
        call = call.value
    if not isinstance(call, ast.Call):
        return
    for root, node in view.locate(second, "write"):
        if not isinstance(root, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        names = [one.arg for one in (*root.args.posonlyargs, *root.args.args)]
        if isinstance(call.func, ast.Attribute) and names and names[0] in {"self", "cls"}:
            del names[0]
        given = {word.arg: word.value for word in call.keywords if word.arg is not None}
        given |= dict(zip(names, call.args, strict=False))
        for amount in _amounts(view, node):
            if isinstance(amount, ast.Name) and not _stores(root, amount.id):
                yield from filter(None, [given.get(amount.id)])


def _is_it(root: ast.AST, amount: ast.AST, first: ast.AST) -> bool:
    """Tell whether ``amount`` is what ``first`` reads, or a part of it, unchanged."""
    for _ in range(_STEPS):
        if amount is first:
            return not isinstance(first, ast.Subscript) or not _skips(first.slice)
        if isinstance(amount, ast.Await | ast.Subscript):
            amount = amount.value
        elif isinstance(amount, ast.Call):
            inner = _copied(amount)
            if inner is None:
                return False
            amount = inner
        elif isinstance(amount, ast.Name):
            values = _stores(root, amount.id)
            if len(values) != 1 or values[0] is None:
                return False
            amount = values[0]
        else:
            return False
    return False


def _skips(part: ast.AST) -> bool:
    """Tell whether a slice begins after the first item."""
    return isinstance(part, ast.Slice) and part.lower is not None


def _copied(call: ast.Call) -> ast.AST | None:
    """Return what a call gives a copy of, or the items of."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in _PARTS and not call.args:
        return call.func.value
    if isinstance(call.func, ast.Name) and call.func.id in _COPIES and len(call.args) == 1:
        return call.args[0]
    return None


def _stores(root: ast.AST, name: str) -> list[ast.AST | None]:
    """Return what a local is bound to, each time; None where that is not said."""
    found: list[ast.AST | None] = []
    for node in ast.walk(root):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                whole = isinstance(target, ast.Name)
                found += [
                    node.value if whole else None for one in elements(target) if _is(one, name)
                ]
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            found += [node.value] if _is(node.target, name) else []
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            found += [node.iter for one in elements(node.target) if _is(one, name)]
        elif isinstance(node, ast.AugAssign):
            found += [None] if _is(node.target, name) else []
        elif isinstance(node, ast.withitem | ast.ExceptHandler):
            bound = getattr(node, "optional_vars", None) or getattr(node, "name", None)
            found += [None] if bound == name or _is(bound, name) else []
    return found


def _is(node: object, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
