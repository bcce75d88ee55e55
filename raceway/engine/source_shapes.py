"""Recognise the shapes in which an access is used: tested, polled, updated, checked twice.

Purely syntactic questions about one access.  Each works on the node of the access and the root
of the code object around it; :mod:`raceway.engine.dependence` asks them for positions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from raceway.engine.code_view import FUNCTIONS, CodeView

# The key of an expression: what is accessed, however it is spelled.
Key: TypeAlias = tuple[str, ...]

LOOKS_AT = frozenset(
    {"abs", "all", "any", "bool", "callable", "float", "hasattr", "int", "isinstance"}
    | {"len", "max", "min", "round", "str", "sum", "type"}
)
"""Calls that only look at their argument: their result is as good as the argument in a test."""

_ITEM_READS = {"get", "__getitem__", "__contains__", "setdefault"}
_LOG_METHODS = frozenset(
    {"critical", "debug", "error", "exception", "info", "log", "warn", "warning"}
)
WAITS = frozenset({"sleep", "wait", "checkpoint", "idle"})
"""Calls that do nothing but to wait."""
_SIGNALS = frozenset({"set", "notify", "notify_all"})
_EMPTY = frozenset(
    {"list", "dict", "set", "tuple", "frozenset", "deque", "collections.deque", "Counter"}
)
LEAVES = (ast.Return, ast.Break, ast.Continue, ast.Raise)
"""Statements behind which a block does not go on."""
LOOPS = (ast.While, ast.For, ast.AsyncFor)
"""Statements that repeat their body."""
_TESTS = (ast.If, ast.While, ast.IfExp, ast.Assert)


def key_of(node: ast.AST) -> Key:
    """Return what ``node`` accesses: ``d[k]``, ``k in d`` and ``d.get(k)`` have one key."""
    if isinstance(node, ast.Subscript):
        return ("item", _text(node.value), _text(node.slice))
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        return ("item", _text(node.comparators[0]), _text(node.left))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr in _ITEM_READS:
            return ("item", _text(node.func.value), _text(node.args[0]))
    elif isinstance(node, ast.Await):
        return key_of(node.value)
    return ("expression", _text(node))


def _text(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:  # thousands of operands: such an expression equals itself only
        return f"<{id(node)}>"


def mentions(tree: ast.AST, key: Key) -> bool:
    """Tell whether ``tree`` contains an access with this key."""
    return any(isinstance(node, ast.expr) and key_of(node) == key for node in ast.walk(tree))


def tester(view: CodeView, root: ast.AST, node: ast.AST) -> ast.AST | None:
    """Return the branch, loop or expression whose test ``node`` is a part of.

    None if something else is done with it: ``if conn.closed`` tests ``conn.closed`` but uses
    ``conn``.
    """
    guarded: ast.AST | None = None  # the operands that follow in ``node and ...``
    for child, parent in view.ancestors(node, root):
        if isinstance(parent, _TESTS):
            return parent if child is parent.test else guarded
        if isinstance(parent, ast.comprehension):
            return parent if child in parent.ifs else guarded
        if isinstance(parent, ast.match_case):
            return parent if child is parent.guard else guarded
        if isinstance(parent, ast.Match):
            return parent if child is parent.subject else guarded
        if isinstance(parent, ast.BoolOp):
            if isinstance(parent.op, ast.And) and child is not parent.values[-1]:
                guarded = parent
        elif not _passes_on(parent, child):
            return guarded
    return guarded


def only_tested(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether the value that ``node`` reads is checked before anything is done with it."""
    if tester(view, root, node) is not None:
        return True
    compared = False
    for child, parent in view.ancestors(node, root):
        compared = compared or isinstance(child, ast.Compare)
        if isinstance(parent, ast.Assign | ast.Return) and compared:
            return True
        if not _passes_on(parent, child):
            break
    uses = uses_of_copy(view, root, node)
    return bool(uses) and tester(view, root, uses[0]) is not None


def tested(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether a test in the function decides by the value that ``node`` reads."""
    places = (node, *uses_of_copy(view, root, node)[:1])
    return any(tester(view, root, place) is not None for place in places)


def uses_of_copy(view: CodeView, root: ast.AST, node: ast.AST) -> list[ast.Name]:
    """Return the later uses of the local that ``node`` is stored in, in the order of execution.

    What is stored in the body of a loop comes to the test of that loop first.
    """
    name = _copy_name(view, root, node)
    if name is None:
        return []
    start = (getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0))
    loop = next(
        (one for part, one in view.ancestors(node, root)
         if isinstance(one, ast.While) and part in one.body), None,
    )  # fmt: skip
    inside = set() if loop is None else {id(part) for one in loop.body for part in ast.walk(one)}
    test = set() if loop is None else {id(part) for part in ast.walk(loop.test)}
    uses = [
        part
        for part in ast.walk(root)
        if isinstance(part, ast.Name)
        and part.id == name
        and isinstance(part.ctx, ast.Load)
        and ((part.lineno, part.col_offset) >= start or id(part) in test)
    ]
    return sorted(
        uses,
        key=lambda use: (
            id(use) not in inside, id(use) not in test, use.lineno, use.col_offset
        ),
    )  # fmt: skip


def is_kept(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether the value that ``node`` reads is put to use, at once or by its local name.

    To look at it in a test, to show it, to tell of it in a sentence, to wait for so long, or to say
    by how much another number is greater, is no use.
    """
    uses: list[ast.AST] = [*uses_of_copy(view, root, node)]
    if _copy_name(view, root, node) is None and not isinstance(view.parent(node), ast.Expr):
        uses = [node]
    return any(
        tester(view, root, use) is None
        and not logged(view, root, use, output=True)
        and not _is_told(view, root, use)
        and not _is_waited_for(view, root, use)
        and not _is_subtracted(view, use)
        for use in uses
    )


def _is_told(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether ``node`` is put into a text of several words, which is nobody's name or key."""
    for _, parent in view.ancestors(node, root):
        if isinstance(parent, ast.JoinedStr):
            return any(map(_has_words, parent.values))
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mod):
            return _has_words(parent.left)
        if not isinstance(parent, ast.FormattedValue | ast.Tuple):
            return False
    return False


def _has_words(part: ast.AST) -> bool:
    text = part.value if isinstance(part, ast.Constant) else None
    return isinstance(text, str) and " " in text


def _is_waited_for(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    return any(
        isinstance(parent, ast.Call) and called(parent) in WAITS
        for _, parent in view.ancestors(node, root)
    )


def _is_subtracted(view: CodeView, node: ast.AST) -> bool:
    parent = view.parent(node)
    return isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Sub)


def called(call: ast.Call) -> str:
    """Return the last name of what is called."""
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def counts_on(view: CodeView, _root: ast.AST, node: ast.AST) -> bool:
    """Tell whether ``node`` is the target of ``x += 1``, or of another constant."""
    parent = view.parent(node)
    return (
        isinstance(parent, ast.AugAssign)
        and parent.target is node
        and isinstance(parent.op, ast.Add)
        and is_literal(parent.value)
    )


def tests_presence(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether ``node`` is tested for being there (``is None``, ``in``, truth)."""
    if isinstance(node, ast.Compare):
        return isinstance(node.ops[0], ast.In | ast.NotIn)
    for child, parent in view.ancestors(node, root):
        if isinstance(parent, ast.Compare):
            return isinstance(parent.ops[0], ast.Is | ast.IsNot | ast.In | ast.NotIn)
        if isinstance(parent, _TESTS):
            return child is parent.test
        if isinstance(parent, ast.BoolOp):
            if child is not parent.values[-1]:
                return True  # ``self.client or self.connect()``
        elif not _passes_on(parent, child):
            break
    return any(tests_presence(view, root, use) for use in uses_of_copy(view, root, node)[:1])


def logged(view: CodeView, root: ast.AST, node: ast.AST, *, output: bool) -> bool:
    """Tell whether the value that ``node`` reads only goes into a log message.

    Args:
        view: The code.
        root: The code object.
        node: The read.
        output: Whether ``print`` counts as logging.
    """
    for child, parent in view.ancestors(node, root):
        if isinstance(parent, ast.Call):
            return child is not parent.func and is_log_call(parent, output=output)
        if isinstance(parent, ast.Attribute | ast.Subscript | ast.stmt):
            return False
    return False


def is_log_call(call: ast.Call, *, output: bool) -> bool:
    """Tell whether this call writes a log message; with ``output``, ``print`` does, too."""
    function = call.func
    if isinstance(function, ast.Name):
        return output and function.id == "print"
    if not isinstance(function, ast.Attribute) or function.attr not in _LOG_METHODS:
        return False
    return "log" in _text(function.value).lower()


def polled(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether ``node`` is the condition of a loop, or decides only whether it goes on."""
    places: list[ast.AST] = [node]
    if tester(view, root, node) is None:
        places = list(uses_of_copy(view, root, node))
    return bool(places) and all(_steers_loop(view, root, place) for place in places)


def updates(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether ``node`` is part of one statement that computes a value from the old one."""
    for child, parent in view.ancestors(node, root):
        if isinstance(parent, ast.AugAssign):
            return child is parent.target and child is node
        if isinstance(parent, ast.Assign):
            key = key_of(node)
            written = [part for target in parent.targets for part in elements(target)]
            return mentions(parent.value, key) and any(key_of(part) == key for part in written)
        if isinstance(parent, ast.stmt):
            return False
    return False


def writes_constant(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether the value that ``node`` stores is a literal."""
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        value = node.args[-1] if node.args else None
        return name in {"setattr", "__setattr__", "__setitem__"} and is_literal(value)
    for _, parent in view.ancestors(node, root):
        if isinstance(parent, ast.AnnAssign):
            return node is parent.target and is_literal(parent.value)
        if isinstance(parent, ast.Assign):
            return any(_stores_literal(target, parent.value, node) for target in parent.targets)
        if isinstance(parent, ast.stmt):
            return False
    return False


def resets(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether ``node`` stores a literal or an empty container, or empties one."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "clear" and not node.args
    if writes_constant(view, root, node):
        return True
    if isinstance(view.parent(node), ast.Delete):
        return isinstance(node, ast.Subscript) and _text(node.slice) == ":"
    return stores_empty(view, root, node)


def stores_empty(view: CodeView, _root: ast.AST, node: ast.AST) -> bool:
    """Tell whether ``node`` stores an empty container."""
    parent = view.parent(node)
    value = parent.value if isinstance(parent, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Call):
        return not value.args and not value.keywords and _text(value.func) in _EMPTY
    return isinstance(value, ast.List | ast.Tuple | ast.Dict) and _text(value) in {"[]", "()", "{}"}


def tests_exactly(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether the value that ``node`` reads is compared with one value, or negated.

    A comparison with a local asks for something else: whether a version is still the same.
    """
    for place in (node, *uses_of_copy(view, root, node)[:1]):
        parent = view.parent(place)
        if isinstance(parent, ast.Compare):
            if isinstance(parent.ops[0], ast.Eq):
                others = [part for part in (parent.left, *parent.comparators) if part is not place]
                return not any(isinstance(part, ast.Name) for part in others)
            return _text(parent).endswith("<= 0")
        if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
            return True
    return False


def only_signals(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether a test of ``node`` decides about calls only that do no harm if repeated."""
    for place in (node, *uses_of_copy(view, root, node)[:1]):
        test = tester(view, root, place)
        if isinstance(test, ast.If):
            return not test.orelse and all(map(_is_signal, test.body))
    return False


def double_checked(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether ``node`` is the first, unlocked check of double-checked locking."""
    key = key_of(node)
    places: list[ast.AST] = [node, *uses_of_copy(view, root, node)]
    for place in places:
        test = tester(view, root, place)
        if isinstance(test, ast.If | ast.While):
            if _checks_under_lock(test.body, key) or _checks_under_lock(test.orelse, key):
                return True
            if isinstance(test.body[-1], LEAVES):
                return _checks_under_lock(following(view, test), key)
    for child, parent in view.ancestors(node, root):
        if isinstance(parent, ast.Try) and child in parent.body:
            handled = [part for handler in parent.handlers for part in handler.body]
            leaves = isinstance(parent.body[-1], LEAVES)
            after = following(view, parent) if leaves and parent.handlers else []
            return _checks_under_lock(handled, key) or _checks_under_lock(after, key)
    return False


def _passes_on(parent: ast.AST, child: ast.AST) -> bool:
    """Tell whether the value of ``parent`` is little more than what ``child`` says."""
    if isinstance(parent, ast.Call):
        function = parent.func
        return isinstance(function, ast.Name) and function.id in LOOKS_AT and child in parent.args
    return isinstance(parent, ast.UnaryOp | ast.BinOp | ast.Compare | ast.NamedExpr | ast.Await)


def _copy_name(view: CodeView, root: ast.AST, node: ast.AST) -> str | None:
    """Return the local name that ``node``, or a value that says as much, is stored in."""
    for child, parent in view.ancestors(node, root):
        target: ast.AST | None = None
        if isinstance(parent, ast.NamedExpr):
            target = parent.target
        elif isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            target = parent.targets[0] if child is parent.value else None
        elif isinstance(parent, ast.AnnAssign):
            target = parent.target if child is parent.value else None
        elif _passes_on(parent, child) or isinstance(parent, ast.BoolOp):
            continue
        return target.id if isinstance(target, ast.Name) else None
    return None


def _steers_loop(view: CodeView, root: ast.AST, node: ast.AST) -> bool:
    """Tell whether the test around ``node`` decides nothing but whether a loop goes on."""
    test = tester(view, root, node)
    if test is None:
        return False
    inside = list(view.ancestors(node, root))
    if any(isinstance(parent, ast.NamedExpr) for _, parent in inside[: _index(inside, test)]):
        return False
    if isinstance(test, ast.While):
        return True
    if not isinstance(test, ast.If) or test.orelse:
        return False
    acts = [part for part in test.body if not _is_log_statement(part)]
    if not acts or not all(isinstance(part, (*LEAVES, ast.Pass)) for part in acts):
        return False
    key = key_of(node)
    if any(isinstance(part, ast.Raise) or mentions(part, key) for part in acts):
        return False
    return any(isinstance(parent, LOOPS) for _, parent in view.ancestors(test, root))


def _index(inside: Sequence[tuple[ast.AST, ast.AST]], test: ast.AST) -> int:
    return next(number for number, (_, parent) in enumerate(inside) if parent is test)


def _is_log_statement(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    return is_log_call(node.value, output=True)


def elements(target: ast.AST) -> Iterator[ast.AST]:
    """Yield what is assigned to, one by one where a tuple is taken apart."""
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from elements(element)
    else:
        yield target


def is_literal(value: ast.AST | None) -> bool:
    """Tell whether a value is written out."""
    if isinstance(value, ast.UnaryOp):
        value = value.operand
    return isinstance(value, ast.Constant)


def _stores_literal(target: ast.AST, value: ast.AST, node: ast.AST) -> bool:
    if target is node:
        return is_literal(value)
    if not isinstance(target, ast.Tuple | ast.List) or not isinstance(value, ast.Tuple | ast.List):
        return False
    if len(target.elts) != len(value.elts):
        return False
    pairs = zip(target.elts, value.elts, strict=True)
    return any(_stores_literal(part, item, node) for part, item in pairs)


def _is_signal(node: ast.stmt) -> bool:
    """Tell whether a statement wakes somebody up, which may be done twice."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    function = node.value.func
    wakes = isinstance(function, ast.Attribute) and function.attr in _SIGNALS
    return wakes or is_log_call(node.value, output=True)


def stored(node: ast.Assign) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield what an assignment stores, one by one where it stores a tuple."""
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts, strict=False)
        else:
            yield target, node.value


def following(view: CodeView, node: ast.AST) -> list[ast.stmt]:
    """Return the statements after ``node`` in its block."""
    parent = view.parent(node)
    for field in ("body", "orelse", "finalbody"):
        block = getattr(parent, field, None)
        if isinstance(block, list) and node in block:
            return block[block.index(node) + 1 :]
    return []


def own_parts(statements: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield all nodes of ``statements`` without those of functions defined there."""
    stack = list(statements)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, FUNCTIONS):
            stack.extend(ast.iter_child_nodes(node))


def is_acquire(node: ast.AST) -> bool:
    """Tell whether ``node`` calls a method of the name of ``acquire``."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "acquire"
    )


def _checks_under_lock(statements: Sequence[ast.stmt], key: Key) -> bool:
    """Tell whether a with block, or what follows an ``acquire()``, checks ``key`` again."""
    for number, statement in enumerate(statements):
        for part in own_parts([statement]):
            if isinstance(part, ast.With | ast.AsyncWith) and _checks(part.body, key):
                return True
            if is_acquire(part) and _checks(statements[number:], key):
                return True
    return False


def _checks(statements: Sequence[ast.stmt], key: Key) -> bool:
    """Tell whether ``statements`` look at ``key`` again before they act upon it."""
    parts = list(own_parts(statements))
    copies = {
        target.id
        for part in parts
        if isinstance(part, ast.Assign) and mentions(part.value, key)
        for target in part.targets
        if isinstance(target, ast.Name)
    }
    for part in parts:
        if isinstance(part, _TESTS) and (
            mentions(part.test, key)
            or any(isinstance(name, ast.Name) and name.id in copies for name in ast.walk(part.test))
        ):
            return True
        if isinstance(part, ast.Try) and any(
            mentions(statement, key) for statement in part.body if part.handlers
        ):
            return True
        if isinstance(part, ast.Call) and key_of(part) == key:
            function = part.func
            if isinstance(function, ast.Attribute) and function.attr == "setdefault":
                return True
    return False
