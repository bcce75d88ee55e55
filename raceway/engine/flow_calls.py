"""Follow a value through calls: what leaves a callee, and what an access in one relies on.

The walk of :mod:`raceway.engine.flow_statements` stays in one function.  Where the call stacks of
two accesses say which functions lie between them and their common caller, these questions about
each of those functions make its answer exact.  Without an answer the value is taken to get through.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from raceway.engine import versions
from raceway.engine.code_view import CodeView, Kind, Position
from raceway.engine.flow_expressions import Access, Outcome, TooComplexError
from raceway.engine.flow_state import CONTROL_CARRIED, CONTROL_FRESH, DATA, dotted
from raceway.engine.flow_statements import FlowWalk

Arguments: TypeAlias = "frozenset[int | str] | None"
"""Arguments of a call by position or keyword; None where they cannot be told apart."""

Kinds: TypeAlias = tuple[Kind, Kind]

_ANY = DATA | CONTROL_FRESH | CONTROL_CARRIED
_NOWHERE = ast.Pass()


def leaves(view: CodeView, first: Position) -> bool:
    """Tell whether what is read at ``first`` gets out of the function.

    It does if something that depends on it is returned, raised, stored in an object or given to
    another function; a log message does not count.
    """
    outcomes = [
        _walk(view, root, Access(node, "read"), Access(_NOWHERE, "read"))
        for root, node in view.locate(first, "read")
    ]
    return not outcomes or any(one is None or one.gone for one in outcomes)


def hands_on(view: CodeView, first: Position) -> bool:
    """Tell whether the value itself gets out, and not only what a test of it has decided."""
    outcomes = [
        _walk(view, root, Access(node, "read"), Access(_NOWHERE, "read"))
        for root, node in view.locate(first, "read")
    ]
    return not outcomes or any(one is None or bool(one.gone & DATA) for one in outcomes)


def returns(view: CodeView, first: Position) -> bool:
    """Tell whether what the function returns depends on what is read at ``first``."""
    outcomes = [
        _walk(view, root, Access(node, "read"), Access(_NOWHERE, "read"))
        for root, node in view.locate(first, "read")
    ]
    return any(one is not None and bool(one.returned) for one in outcomes)


def may_stop(view: CodeView, first: Position) -> bool:
    """Tell whether a test of what is read at ``first`` makes the function raise an exception."""
    outcomes = [
        _walk(view, root, Access(node, "read"), Access(_NOWHERE, "read"))
        for root, node in view.locate(first, "read")
    ]
    return any(one is not None and bool(one.raised) for one in outcomes)


def waits_for(view: CodeView, call: Position) -> bool:
    """Tell whether this is ``condition.wait_for(predicate)``."""
    calls = [_call(node) for _, node in view.locate(call, "read")]
    return any(
        found is not None
        and isinstance(found.func, ast.Attribute)
        and found.func.attr == "wait_for"
        and bool(found.args)
        and isinstance(found.args[0], ast.Lambda | ast.Name | ast.Attribute)
        for found in calls
    )


def attributes_stored(view: CodeView, first: Position) -> frozenset[str]:
    """Return the attributes of the method's own object in which it keeps what it read."""
    found: set[str] = set()
    for root, node in view.locate(first, "read"):
        outcome = _walk(view, root, Access(node, "read"), Access(_NOWHERE, "read"))
        own = _first_parameter(root)
        for path, bits in outcome.stored.items() if outcome is not None else ():
            holder, _, attribute = path.partition(".")
            if bits & DATA and holder == own:
                found.add(attribute)
    return frozenset(found)


def relies_on_attributes(
    view: CodeView, second: Position, kind: Kind, attributes: frozenset[str]
) -> bool:
    """Tell whether the access at ``second`` relies on one of these attributes of ``self``."""
    for root, node in view.locate(second, kind):
        own = _first_parameter(root)
        names = [f"{own}.{attribute}" for attribute in attributes]
        outcome = _walk(view, root, Access(_NOWHERE, "read"), Access(node, kind), names)
        if outcome is not None and (outcome.data | outcome.control) & _ANY:
            return True
    return False


def given(view: CodeView, first: Position, second: Position, kinds: Kinds) -> Arguments:
    """Return the arguments of the call at ``second`` that are computed from ``first``."""
    return _arguments(
        view,
        second,
        kinds[1],
        lambda root, node: [
            _walk(view, root, Access(one, kinds[0]), Access(node, kinds[1]))
            for one_root, one in view.locate(first, kinds[0])
            if one_root is root
        ],
    )


def passed_on(view: CodeView, second: Position, kind: Kind, names: Iterable[str]) -> Arguments:
    """Return the arguments of the call at ``second`` that are computed from these parameters."""
    return _arguments(
        view,
        second,
        kind,
        lambda root, node: [_walk(view, root, Access(_NOWHERE, "read"), Access(node, kind), names)],
    )


def relies_on(view: CodeView, second: Position, kind: Kind, names: Iterable[str]) -> bool:
    """Tell whether the access at ``second`` is computed from, or decided by, these parameters."""
    places = view.locate(second, kind)
    for root, node in places:
        outcome = _walk(view, root, Access(_NOWHERE, "read"), Access(node, kind), names)
        if outcome is None or not outcome.hits or (outcome.data | outcome.control) & _ANY:
            return True
    return not places


def own_parameters(view: CodeView) -> frozenset[str]:
    """Return what the function is called with, without the object that it is a method of."""
    found: set[str] = set()
    for root in view.roots:
        if isinstance(root, ast.FunctionDef | ast.AsyncFunctionDef):
            named = [*root.args.posonlyargs, *root.args.args, *root.args.kwonlyargs]
            found.update(argument.arg for argument in named)
    return frozenset(found - {"self", "cls"})


def stores(view: CodeView, second: Position, names: Iterable[str]) -> bool:
    """Tell whether the value written at ``second`` is computed from these parameters."""
    outcomes = [
        _walk(view, root, Access(_NOWHERE, "read"), Access(node, "write"), names)
        for root, node in view.locate(second, "write")
    ]
    return any(one is not None and one.data & DATA for one in outcomes)


def decides(view: CodeView, second: Position, kind: Kind, names: Iterable[str]) -> bool:
    """Tell whether a test of these parameters decides about the call at ``second``."""
    outcomes = [
        _walk(view, root, Access(_NOWHERE, "read"), Access(node, kind), names)
        for root, node in view.locate(second, kind)
    ]
    return any(one is None or one.control & _ANY for one in outcomes)


def same_receiver(view: CodeView, first: Position, second: Position, kinds: Kinds) -> bool:
    """Tell whether the calls at both places are of one object, or of one ``with`` block.

    The first may be the one that makes the object.
    """
    return any(
        one is two or (_receiver(two) is not None and _receiver(two) in _objects(view, one))
        for _, one in view.locate(first, kinds[0])
        for _, two in view.locate(second, kinds[1])
    )


def parameters(
    view: CodeView, caller: CodeView, call: Position, kind: Kind, arguments: Arguments
) -> frozenset[str] | None:
    """Return the parameters of the function of ``view`` which these arguments of a call become.

    Returns:
        None if the function cannot be found.
    """
    found: set[str] = set()
    roots = [
        root for root in view.roots if isinstance(root, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    if not roots:
        return None
    calls = [_call(node) for _, node in caller.locate(call, kind)]
    for root in roots:
        named = [*root.args.posonlyargs, *root.args.args]
        names = [argument.arg for argument in named]
        keywords = [argument.arg for argument in root.args.kwonlyargs]
        rest = [extra.arg for extra in (root.args.vararg, root.args.kwarg) if extra is not None]
        known = arguments is not None and all(
            call is not None and _name(call.func) == root.name for call in calls
        )
        method = bool(names) and names[0] in {"self", "cls"}
        if method:
            names = names[1:]
        if arguments is None or not known:
            found.update(names, keywords, rest)
            continue
        for argument in arguments:
            if isinstance(argument, int) and argument < len(names):
                found.add(names[argument])
            elif isinstance(argument, str) and argument in {*names, *keywords}:
                found.add(argument)
            else:
                found.update(rest)
    return frozenset(found)


def is_validated(
    view: CodeView,
    second: Position,
    caller: CodeView,
    first: Position,
    call: Position,
    getter: CodeView | None,
) -> bool:
    """Tell whether a callee writes only if a version, which it is given, is still the same.

    Args:
        view: The callee.
        second: Where it writes.
        caller: The caller.
        first: Where the caller reads what the write relies on, or calls what does.
        call: Where it calls the callee.
        getter: What it calls at ``first``, if anything.
    """
    compared = [
        versions.guarding_parameters(view, root, node)
        for root, node in view.locate(second, "write")
    ]
    return any(
        versions.is_version_before(root, local, parameter_of[name], read, getter)
        for parameter_of in compared
        if parameter_of
        for root, node in caller.locate(call, "write")
        for read_root, read in caller.locate(first, "read")
        if read_root is root
        for argument, local in _given_locals(node)
        for name in parameters(view, caller, call, "write", frozenset({argument})) or ()
        if name in parameter_of
    )


def _given_locals(node: ast.AST) -> Iterator[tuple[int | str, str]]:
    """Yield the arguments of a call that are just a local, or a part of one: ``seen.version``."""
    call = _call(node)
    if call is None:
        return
    given: list[tuple[int | str | None, ast.expr]] = [*enumerate(call.args)]
    given += [(word.arg, word.value) for word in call.keywords]
    for place, value in given:
        inner = value.value if isinstance(value, ast.Attribute | ast.Subscript) else value
        if place is not None and isinstance(inner, ast.Name):
            yield place, inner.id


def _arguments(
    view: CodeView,
    second: Position,
    kind: Kind,
    outcomes: Callable[[ast.AST, ast.AST], list[Outcome | None]],
) -> Arguments:
    found: set[int | str] = set()
    places = view.locate(second, kind)
    for root, node in places:
        call = _call(node)
        if call is None:
            return None
        for outcome in outcomes(root, node):
            if outcome is None or not outcome.hits:
                return None
            for index, argument in enumerate(call.args):
                if not outcome.values.get(argument, 0) & _ANY:
                    continue
                if isinstance(argument, ast.Starred):
                    return None
                found.add(index)
            for word in call.keywords:
                if outcome.values.get(word.value, 0) & _ANY:
                    if word.arg is None:
                        return None
                    found.add(word.arg)
    return frozenset(found) if places else None


def _call(node: ast.AST) -> ast.Call | None:
    if isinstance(node, ast.Await):
        node = node.value
    if not isinstance(node, ast.Call) or any(isinstance(one, ast.Starred) for one in node.args):
        return None
    return node


def _receiver(node: ast.AST) -> str | None:
    call = _call(node)
    function = call.func if call is not None else node
    return dotted(function.value) if isinstance(function, ast.Attribute) else None


def _name(function: ast.AST) -> str | None:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else None


def _objects(view: CodeView, node: ast.AST) -> set[str | None]:
    """Return what the object may be called that a call works on, or makes."""
    found = {_receiver(node)}
    parent = view.parent(node)
    if isinstance(parent, ast.Assign):
        found.update(dotted(target) for target in parent.targets)
    elif isinstance(parent, ast.withitem) and parent.optional_vars is not None:
        found.add(dotted(parent.optional_vars))
    return found


def _first_parameter(root: ast.AST) -> str:
    if isinstance(root, ast.FunctionDef | ast.AsyncFunctionDef):
        for argument in [*root.args.posonlyargs, *root.args.args]:
            return argument.arg
    return ""


def _walk(
    view: CodeView, root: ast.AST, first: Access, second: Access, tainted: Iterable[str] = ()
) -> Outcome | None:
    try:
        return FlowWalk(view, root, first, second).run(tainted)
    except (TooComplexError, RecursionError):
        return None
