"""What a critical section sets, and what it lets decide: names in its source.

State that nobody watches leaves no accesses.  But where one critical section says
``self.ready = True``, and another one of the same lock ``if not self.ready: return``, the second
one goes on only after the first, whatever was recorded of it.

Names stand for objects here: ``.ready`` for that attribute of any object, ``ready`` for a variable
of the module or of a function around.  Locals are nobody else's.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Sequence

from raceway.engine.code_view import FUNCTIONS, CodeView, Position, Source
from raceway.engine.source_shapes import (
    LEAVES,
    elements,
    following,
    is_acquire,
    is_literal,
    is_log_call,
    own_parts,
)

Names = frozenset[str]

NOTHING: Names = frozenset()

CHANGES = frozenset(
    {"add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop"}
    | {"popitem", "popleft", "put", "put_nowait", "remove", "setdefault", "update"}
)
"""Methods that change the object that they are called of."""

_CONSTANT = " is constant"
"""After a name: it is set to a literal, as flags are, or its value is handed to who asks."""


def sets_in(view: CodeView, position: Position) -> Names:
    """Return the names that the section which begins here sets, and others of its file test.

    Args:
        view: The source.
        position: Where the lock is taken.
    """
    found: set[str] = set()
    for root, body in _sections(view, position):
        found.update(_set_by(body, _locals(root)))
    return frozenset(found) & _tested_in(view.source) if found else NOTHING


def decides_by(view: CodeView, position: Position) -> Names:
    """Return the names by which the section that begins here decides how it goes on."""
    found: set[str] = set()
    for root, body in _sections(view, position):
        found.update(_decided_by(root, body))
    return frozenset(found)


def identifiers(variable: str) -> set[str]:
    """Return the names in that of a watched variable, ``bank.accounts['alice']``, in both forms."""
    words = re.findall(r"\w+", variable)
    names = {form for word in words for form in (word, f".{word}")}
    return names | {name + _CONSTANT for name in names}


# ---------------------------------------------------------------- sections


def _sections(view: CodeView, position: Position) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    """Yield the code object and the statements of the section that begins at ``position``."""
    for root, node in view.locate(position, "read"):
        for child, parent in ((node, node), *view.ancestors(node, root)):
            body = _body(view, child, parent)
            if body:
                yield root, body
                break
            if isinstance(parent, ast.stmt):
                break


def _body(view: CodeView, child: ast.AST, node: ast.AST) -> list[ast.stmt]:
    """Return what a ``with`` block does, or what follows ``lock.acquire()``."""
    if isinstance(node, ast.With | ast.AsyncWith):
        return node.body if child not in node.body else []
    if isinstance(node, ast.Expr):
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if is_acquire(value):
            return _until_release(view, node)
    return []


def _until_release(view: CodeView, node: ast.stmt) -> list[ast.stmt]:
    """Return the statements after this one, to the one that releases."""
    found: list[ast.stmt] = []
    for statement in following(view, node):
        found.append(statement)
        if any(
            isinstance(part, ast.Attribute) and part.attr == "release"
            for part in own_parts([statement])
        ):
            break
    return found


@functools.lru_cache(maxsize=128)
def _tested_in(source: Source) -> Names:
    """Return what any critical section of a file decides by."""
    found: set[str] = set()
    view = CodeView(source.text, 1, "<module>")
    for node in source.parents:
        body = _body(view, node, node)
        if body:
            found.update(_decided_by(_function(source, node), body))
    return frozenset(found)


def _function(source: Source, node: ast.AST) -> ast.AST:
    """Return the function around a node, or the module."""
    above = source.parents.get(node)
    while above is not None:
        node, above = above, source.parents.get(above)
        if isinstance(node, FUNCTIONS):
            break
    return node


def _statements(root: ast.AST) -> list[ast.AST]:
    body = getattr(root, "body", [])
    return body if isinstance(body, list) else [body]


# ---------------------------------------------------------------- what is set


def _set_by(body: Sequence[ast.stmt], own: Names) -> Iterator[str]:
    """Yield the names that these statements set or change."""
    for part in own_parts(body):
        for target, value in _changed_by(part):
            name = _root(target, own)
            if name:
                yield name
                if is_literal(value):
                    yield name + _CONSTANT


def _changed_by(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST | None]]:
    """Yield what a node sets or changes, and the value if it is set to one."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            for element in elements(target):
                yield element, node.value
    elif isinstance(node, ast.AnnAssign):
        yield node.target, node.value
    elif isinstance(node, ast.AugAssign):
        yield node.target, None
    elif isinstance(node, ast.Delete):
        for target in node.targets:
            yield target, None
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CHANGES
    ):
        yield node.func.value, None


def _root(node: ast.AST, own: Names) -> str:
    """Return the name of what is changed, when this is: that of ``self.jobs[key]`` is ``.jobs``."""
    while isinstance(node, ast.Subscript | ast.Starred):
        node = node.value
    if isinstance(node, ast.Attribute):
        return f".{node.attr}"
    return node.id if isinstance(node, ast.Name) and node.id not in own else ""


@functools.lru_cache(maxsize=512)
def _locals(root: ast.AST) -> Names:
    """Return the names that belong to one call of a function."""
    if not isinstance(root, FUNCTIONS):
        return NOTHING
    arguments = root.args
    found = {
        one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    } | {one.arg for one in (arguments.vararg, arguments.kwarg) if one is not None}
    outer: set[str] = set()
    for part in own_parts(_statements(root)):
        if isinstance(part, ast.Global | ast.Nonlocal):
            outer.update(part.names)
        elif isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            found.add(part.id)
    return frozenset(found - outer)


# ---------------------------------------------------------------- what decides


def _decided_by(root: ast.AST, body: Sequence[ast.stmt]) -> Iterator[str]:
    """Yield the names by which these statements, or those after them, decide how to go on."""
    own = _locals(root)
    copies: list[tuple[str, ast.AST]] = []
    for part in own_parts(body):
        if isinstance(part, ast.While | ast.Assert) or (isinstance(part, ast.If) and _steers(part)):
            yield from _names(part.test, own)
        elif isinstance(part, ast.Match):
            yield from _names(part.subject, own)
        elif isinstance(part, ast.Return) and part.value is not None:
            yield from _answers(part.value, own)
        elif isinstance(part, ast.Assign) and len(part.targets) == 1:
            (target,) = part.targets
            if isinstance(target, ast.Name) and target.id in own:
                copies.append((target.id, part.value))
    if copies:
        tested, returned = _uses(root)
        for name, value in copies:
            if name in tested:
                yield from _names(value, own)
            elif name in returned:
                yield from _answers(value, own)


def _steers(node: ast.If) -> bool:
    """Tell whether a branch leads out of here, or calls what may lead anywhere."""
    return any(
        isinstance(part, LEAVES)
        or (
            isinstance(part, ast.Call)
            and not is_log_call(part, output=True)
            and getattr(part.func, "attr", "") not in CHANGES
        )
        for part in own_parts([*node.body, *node.orelse])
    )


def _names(node: ast.AST, own: Names) -> Iterator[str]:
    for part in own_parts([node]):
        if isinstance(part, ast.Attribute):
            yield f".{part.attr}"
        elif isinstance(part, ast.Name) and part.id not in own:
            yield part.id


def _answers(node: ast.AST, own: Names) -> Iterator[str]:
    """Yield the names in what tells a caller how things are."""
    if isinstance(node, ast.Attribute | ast.Name | ast.Compare | ast.BoolOp | ast.UnaryOp):
        for name in _names(node, own):
            yield name + _CONSTANT


@functools.lru_cache(maxsize=512)
def _uses(root: ast.AST) -> tuple[Names, Names]:
    """Return the names that tests of a function mention, and those that it returns."""
    tested: set[str] = set()
    returned: set[str] = set()
    for part in own_parts(_statements(root)):
        if isinstance(part, ast.If | ast.While | ast.Assert):
            tested.update(name.id for name in ast.walk(part.test) if isinstance(name, ast.Name))
        elif isinstance(part, ast.Return) and isinstance(part.value, ast.Name):
            returned.add(part.value.id)
    return frozenset(tested), frozenset(returned)
