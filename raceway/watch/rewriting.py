"""The globals of a module as attributes: its source is compiled with other accesses to them.

No dict of a program's own can stand for the globals of a function: ``LOAD_GLOBAL`` and
``STORE_GLOBAL`` go past it.  But the import system compiles the source, so there ``counter += 1``
becomes ``names.counter += 1``, where ``names`` is a constant of the code object and no name that
the program could see.  Every new node has the place of the old one, so that lines, columns and
the way back from an instruction to the source stay what they were.
"""

from __future__ import annotations

import ast
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NAMES = "\0raceway: the globals of this module"
"""Stands for the object whose attributes are the globals, until the code is compiled."""
TOOLS = "\0raceway: what is done with new values"
"""Stands for the object with ``enter_class(cls, name)`` and ``enter_value(value, name)``."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Contents:
    """What a module binds by its own statements.

    Args:
        tree: The tree of the module.
        rebinds: Whether the word ``global`` is in it: else there is less to look at.

    Attributes:
        classes: Classes that are defined at the level of the module.
        variables: Names that are assigned there, or by functions that declare them ``global``.
        rebound: Those of the variables that functions declare ``global``.
    """

    def __init__(self, tree: ast.Module, *, rebinds: bool = True) -> None:
        self.classes = {node.name for node in _statements(tree) if isinstance(node, ast.ClassDef)}
        self.rebound = (
            {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
            if rebinds
            else set()
        )
        self.variables = {
            node.id
            for node in _own_nodes(tree.body)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        } | self.rebound
        other = {
            getattr(node, "name", None) for node in _statements(tree) if not _is_assigned(node)
        }
        # A function, a class or an import under the same name: nothing that holds data.
        self.variables -= other | {
            (alias.asname or alias.name).partition(".")[0]
            for node in _statements(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        self.variables = {name for name in self.variables if not name.startswith("__")}


def rewrite(
    tree: ast.Module, classes: Iterable[str], entered: Iterable[str], followed: Iterable[str]
) -> ast.Module:
    """Change the tree of a module.

    Args:
        tree: The tree; it is changed.
        classes: Names of the classes to enter as soon as they are bound.
        entered: Variables whose values are entered, where the module itself assigns them.
        followed: Those whose accesses become accesses to attributes.
    """
    _Rewriter(frozenset(classes), frozenset(entered), frozenset(followed)).visit(tree)
    return tree


def bind(code: CodeType, names: object, tools: object) -> CodeType:
    """Return the code with the real objects in the place of what stands for them."""
    constants: list[Any] = []
    for constant in code.co_consts:
        if type(constant) is str and constant == NAMES:
            constants.append(names)
        elif type(constant) is str and constant == TOOLS:
            constants.append(tools)
        elif type(constant) is CodeType:
            constants.append(bind(constant, names, tools))
        else:
            constants.append(constant)
    return code.replace(co_consts=tuple(constants))


def _is_assigned(node: ast.AST) -> bool:
    return not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the statements that run at the level of the module, also inside if, try, with, for."""
    stack: list[ast.AST] = list(reversed(tree.body))
    while stack:
        node = stack.pop()
        yield node
        if _is_assigned(node):
            children = ast.iter_child_nodes(node)
            stack += [c for c in children if isinstance(c, ast.stmt | ast.ExceptHandler)]
            stack += [s for c in getattr(node, "cases", ()) for s in c.body]


def _own_nodes(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of one scope, without those of the scopes inside it."""
    stack = list(body)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            continue
        if isinstance(node, _COMPREHENSIONS):
            # Only what := binds belongs to the scope around it.
            stack += [n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
            continue
        stack += ast.iter_child_nodes(node)


def _bound(body: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """Return the names that a scope binds, and those that it declares ``global``."""
    names: set[str] = set()
    declared: set[str] = set()
    for node in _own_nodes(body):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
        elif isinstance(node, ast.Global):
            declared |= set(node.names)
    return names - declared, declared


def _type_parameters(node: Any) -> set[str]:
    return {one.name for one in getattr(node, "type_params", ())}  # from 3.12 on


def _call(place: Any, method: str, value: Any, name: str) -> ast.Call:
    """Return the call of a tool, with the place of what it stands for."""
    tools = ast.copy_location(ast.Constant(TOOLS), place)
    function = ast.copy_location(ast.Attribute(tools, method, ast.Load()), place)
    text = ast.copy_location(ast.Constant(name), place)
    return ast.copy_location(ast.Call(function, [value, text], []), place)


class _Scope:
    """The names of one scope inside the module."""

    __slots__ = ("declared", "is_class", "names")

    def __init__(self, names: set[str], declared: set[str], *, is_class: bool = False) -> None:
        self.names = names
        self.declared = declared
        self.is_class = is_class


class _Rewriter(ast.NodeTransformer):
    """Replaces the accesses; knows at each node which scopes are around it."""

    def __init__(
        self, classes: frozenset[str], entered: frozenset[str], followed: frozenset[str]
    ) -> None:
        self._classes = classes
        self._entered = entered
        self._followed = followed
        self._scopes: list[_Scope] = []

    def _is_global(self, name: str) -> bool:
        for position, scope in enumerate(reversed(self._scopes)):
            if scope.is_class and position:
                continue  # functions do not see the names of the class around them
            if name in scope.declared:
                return True
            if name in scope.names:
                return False
        return True

    def _inside(self, scope: _Scope, visit: Callable[[], Any]) -> None:
        self._scopes.append(scope)
        try:
            visit()
        finally:
            self._scopes.pop()

    def _each(self, nodes: list[Any]) -> list[Any]:
        result: list[Any] = []
        for node in nodes:
            value = self.visit(node) if node is not None else None
            result += value if isinstance(value, list) else [value]
        return result

    # ---------------------------------------------------------------- names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        # What deletes goes on to do so, and raises what it raises if there is nothing.
        deletes = isinstance(node.ctx, ast.Del)
        if node.id not in self._followed or deletes or not self._is_global(node.id):
            return node
        holder = ast.copy_location(ast.Constant(NAMES), node)
        return ast.copy_location(ast.Attribute(holder, node.id, node.ctx), node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        node.value = self.visit(node.value)  # the target can be nothing but a name
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if not self._scopes and not isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id in self._entered:
                    node.value = _call(node.value, "enter_value", node.value, target.id)
                    break
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        target = node.target
        if not isinstance(target, ast.Name):
            return self.generic_visit(node)
        if node.value is None:
            return node
        if self._scopes or target.id not in self._entered | self._followed:
            node.value = self.visit(node.value)
            return node
        # Two statements: an annotated target can be no attribute and be noted down as a name.
        assign = ast.copy_location(ast.Assign([target], node.value), node)
        node.value = None
        node.target = ast.copy_location(ast.Name(target.id, ast.Store()), target)
        return [self.visit_Assign(assign), node]

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        # Patterns stay as they are: of most places in them the compiler expects names.
        if node.guard is not None:
            node.guard = self.visit(node.guard)
        node.body = self._each(node.body)
        return node

    def visit_TypeAlias(self, node: Any) -> ast.AST:
        return node  # type: ignore[no-any-return]  # from 3.12 on

    # ---------------------------------------------------------------- scopes

    def _has_work_in(self, node: ast.AST) -> bool:
        """Tell whether a function or class mentions what is followed; most do not."""
        if self._scopes and not self._scopes[-1].is_class:
            return True  # the function around it does
        nodes = ast.walk(node) if self._followed else ()
        return any(isinstance(one, ast.Name) and one.id in self._followed for one in nodes)

    def _function(self, node: Any) -> ast.AST:
        if not self._has_work_in(node):
            return node  # type: ignore[no-any-return]  # one of three classes
        arguments = node.args
        arguments.defaults = self._each(arguments.defaults)
        arguments.kw_defaults = self._each(arguments.kw_defaults)
        is_lambda = isinstance(node, ast.Lambda)
        if not is_lambda:
            node.decorator_list = self._each(node.decorator_list)
        names, declared = _bound([node.body] if is_lambda else node.body)
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
        scope = _Scope(names | {one.arg for one in every} | _type_parameters(node), declared)

        def body() -> None:
            node.body = self.visit(node.body) if is_lambda else self._each(node.body)

        self._inside(scope, body)
        return node  # type: ignore[no-any-return]  # one of three classes

    visit_FunctionDef = _function  # noqa: N815 - ast calls it so
    visit_AsyncFunctionDef = _function  # noqa: N815 - as above
    visit_Lambda = _function  # noqa: N815 - as above

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        if self._has_work_in(node):
            self._class(node)
        if self._scopes or node.name not in self._classes:
            return node
        name = ast.copy_location(ast.Name(node.name, ast.Load()), node)
        call = _call(node, "enter_class", name, node.name)
        after = ast.copy_location(ast.Expr(call), node)
        for part in ast.walk(after):  # one line and not the whole of the class
            if isinstance(part, ast.stmt | ast.expr):
                part.end_lineno, part.end_col_offset = part.lineno, part.col_offset
        return [node, after]

    def _class(self, node: ast.ClassDef) -> None:
        node.decorator_list = self._each(node.decorator_list)
        node.bases = self._each(node.bases)
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)

        def body() -> None:
            node.body = self._each(node.body)

        names, declared = _bound(node.body)
        self._inside(_Scope(names | _type_parameters(node), declared, is_class=True), body)

    def _comprehension(self, node: Any) -> ast.AST:
        first = node.generators[0]
        first.iter = self.visit(first.iter)  # by the scope around it
        targets = [generator.target for generator in node.generators]
        names, _ = _bound(targets)

        def rest() -> None:
            for generator in node.generators:
                generator.ifs = self._each(generator.ifs)
                if generator is not first:
                    generator.iter = self.visit(generator.iter)
            for field in ("key", "value", "elt"):
                if hasattr(node, field):
                    setattr(node, field, self.visit(getattr(node, field)))

        self._inside(_Scope(names, set()), rest)
        return node  # type: ignore[no-any-return]  # one of four classes

    visit_ListComp = _comprehension  # noqa: N815 - as above
    visit_SetComp = _comprehension  # noqa: N815 - as above
    visit_DictComp = _comprehension  # noqa: N815 - as above
    visit_GeneratorExp = _comprehension  # noqa: N815 - as above
