"""Find the source expression that an instruction of a code object belongs to.

An access is recorded as a code object and an instruction.  From Python 3.11 on the instruction
leads to an exact source range, which is the range of one node of the syntax tree, because the
compiler copies the ranges from that tree.  Three things make the way back less than trivial:

* The compiler gives some instructions the range of a whole statement (up to 3.12 the truth test
  of ``if jobs:`` and the ``iter()`` call of ``for job in jobs:``), or, for a method call that is
  spread over lines, only the range from the method's name on.
* Lambdas and comprehensions have no name, and several may begin on one line.
* Python 3.10 knows the line only.

So a position leads to a *tuple* of candidate nodes, the best first.  With an exact range it has
one element per code object that may be meant; with a line only it has all the expressions of
that line which may perform an access of the wanted kind.
"""

from __future__ import annotations

import ast
import functools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["read", "write"]
Range: TypeAlias = tuple[int, int, int, int]

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
PAUSES = (ast.Await, ast.AsyncFor, ast.AsyncWith)
_COMPREHENSION_NAMES: dict[type[ast.AST], str] = {
    ast.ListComp: "<listcomp>",
    ast.SetComp: "<setcomp>",
    ast.DictComp: "<dictcomp>",
    ast.GeneratorExp: "<genexpr>",
}
# How many nodes of one line are tried when the column is unknown: a bound on the work only.
_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Position:
    """A source range as ``code.co_positions()`` yields it.

    Columns count UTF-8 bytes from 0.  Where only the line is known the other fields are None.
    ``leaves`` tells for a ``with`` block whether this is its exit, if that is known: both ends have
    the same range.
    """

    line: int
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None
    leaves: bool | None = None


class _Scope:
    """The nodes that one code object executes itself, without those of nested functions."""

    __slots__ = ("by_line", "by_range", "nodes")

    def __init__(self, root: ast.AST) -> None:
        self.nodes: list[tuple[Range, ast.AST]] = []
        self.by_range: dict[Range, ast.AST] = {}
        self.by_line: dict[int, list[ast.AST]] = {}
        for node in _own_nodes(root):
            span = _range(node)
            if span is None:
                continue
            self.nodes.append((span, node))
            # Parents come first, so that of equal ranges the innermost expression stays.
            self.by_range[span] = node
            lines = {span[0]}
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                lines.add(node.func.end_lineno or span[0])
            for line in lines:
                self.by_line.setdefault(line, []).append(node)

    def smallest(self, span: Range) -> ast.AST | None:
        """Return the innermost node whose range contains ``span``."""
        found = self.by_range.get(span)
        if found is not None:
            return found
        start, end = span[:2], span[2:]
        best: Range | None = None
        for outer, node in self.nodes:
            if outer[:2] > start or outer[2:] < end:
                continue
            if best is None or (outer[:2] >= best[:2] and outer[2:] <= best[2:]):
                best, found = outer, node
        return found


class Source:
    """One parsed source text: its tree, each node's parent, and where code objects begin."""

    __slots__ = ("_functions", "_scopes", "by_line", "parents", "text", "tree")

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = _parse(text)
        self.parents: dict[ast.AST, ast.AST] = {}
        self.by_line: dict[int, list[tuple[str, ast.AST]]] = {}
        self._functions: dict[str, list[ast.FunctionDef]] = {}
        self._scopes: dict[ast.AST, _Scope] = {}
        if self.tree is None:
            return
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
            if isinstance(node, ast.FunctionDef):
                self._functions.setdefault(node.name, []).append(node)
            named = _code_object(node)
            if named is not None:
                self.by_line.setdefault(named[0], []).append((named[1], node))

    def roots(self, first_line: int, name: str) -> tuple[ast.AST, ...]:
        """Return the nodes whose code object has this first line and this name."""
        if name == "<module>":
            return () if self.tree is None else (self.tree,)
        here = self.by_line.get(first_line, [])
        named = tuple(node for known, node in here if known == name)
        # A code object may have been renamed (``code.replace``): believe a line with one function.
        return named or (tuple(node for _, node in here) if len(here) == 1 else ())

    def functions(self, name: str) -> list[ast.FunctionDef]:
        """Return all functions of this name, methods and nested ones included; no coroutines."""
        return self._functions.get(name, [])

    def scope(self, root: ast.AST) -> _Scope:
        """Return the index of the nodes that ``root`` executes itself."""
        found = self._scopes.get(root)
        if found is None:
            found = self._scopes[root] = _Scope(root)
        return found


@functools.lru_cache(maxsize=128)
def parse_source(text: str) -> Source:
    """Parse ``text`` once; a text that is not valid Python has no tree."""
    return Source(text)


class CodeView:
    """The source of one code object, and the way from positions in it to expressions.

    Several nodes are meant when lambdas or comprehensions share a line; a question is then
    answered for the one that contains the position asked about.

    Args:
        source_text: The text of the whole file.
        first_line: ``co_firstlineno``: the first decorator's line if there is one.
        name: ``co_name``, for example ``work``, ``<module>`` or ``<lambda>``.
    """

    __slots__ = ("name", "roots", "source")

    def __init__(self, source_text: str, first_line: int, name: str) -> None:
        self.source = parse_source(source_text)
        self.name = name
        self.roots = self.source.roots(first_line, name)

    def locate(self, position: Position, kind: Kind) -> tuple[tuple[ast.AST, ast.AST], ...]:
        """Return the candidate ``(root, node)`` pairs for an access at ``position``."""
        found: list[tuple[ast.AST, ast.AST]] = []
        span = _span(position)
        exact = [root for root in self.roots if span in self.source.scope(root).by_range]
        for root in exact or self.roots:
            scope = self.source.scope(root)
            if span is None:
                nodes = scope.by_line.get(position.line, [])
                found += [(root, node) for node in self._of_kind(nodes, kind)]
                continue
            node = scope.smallest(span)
            if node is not None:
                found.append((root, self._access(node)))
        return tuple(found)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node around ``node``."""
        return self.source.parents.get(node)

    def ancestors(self, node: ast.AST, root: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """Yield ``(child, parent)`` from ``node`` upwards, up to and including ``root``."""
        while node is not root:
            parent = self.source.parents.get(node)
            if parent is None:
                return
            yield node, parent
            node = parent

    def pauses(self, first: int, last: int) -> list[int]:
        """Return the lines from ``first`` to ``last`` on which a coroutine may be suspended."""
        return sorted(
            {
                node.lineno
                for root in self.roots
                for _, node in self.source.scope(root).nodes
                if isinstance(node, PAUSES) and first <= node.lineno <= last
            }
        )

    def segment(self, node: ast.AST) -> str | None:
        """Return the text of ``node`` on one line."""
        text = ast.get_source_segment(self.source.text, node)
        return " ".join(text.split()) if text else None

    def _access(self, node: ast.AST) -> ast.AST:
        """Return the expression that performs the access which has the range of ``node``."""
        while True:
            inner = _performs(node)
            if inner is node:
                return node
            node = inner

    def _of_kind(self, nodes: list[ast.AST], kind: Kind) -> list[ast.AST]:
        """Return those of a line's nodes which may perform an access of this kind."""
        reads: list[ast.AST] = []
        writes: list[ast.AST] = []
        for node in nodes:
            may_read, may_write = _may(node, self.source.parents.get(node))
            if may_read:
                reads.append(node)
            if may_write:
                writes.append(node)
        best = reads if kind == "read" else writes
        return (best or writes or reads)[:_CANDIDATES]


def _may(node: ast.AST, parent: ast.AST | None) -> tuple[bool, bool]:
    """Tell whether ``node`` by itself may read, and may write, a tracked variable."""
    if isinstance(parent, ast.AugAssign) and node is parent.target:
        return True, True
    if isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(parent, ast.Call) and node is parent.func:
            return False, False  # the call stands for it
        loads = isinstance(node.ctx, ast.Load)
        return loads, not loads
    if isinstance(node, ast.Compare):
        return any(isinstance(op, ast.In | ast.NotIn) for op in node.ops), False
    if isinstance(node, ast.Name):
        return isinstance(node.ctx, ast.Load) and _examines(parent, node), False
    calls = isinstance(node, ast.Call | ast.Await | ast.With | ast.AsyncWith)
    return calls, calls


def _parse(text: str) -> ast.Module | None:
    """Parse ``text``; the warnings about it belong to whoever compiles it, not to us."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _code_object(node: ast.AST) -> tuple[int, str] | None:
    """Return first line and name of the code object that ``node`` is compiled to."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        return line, node.name
    if isinstance(node, ast.Lambda):
        return node.lineno, "<lambda>"
    if isinstance(node, COMPREHENSIONS):
        return node.lineno, _COMPREHENSION_NAMES[type(node)]
    return None


def _own_nodes(root: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes which the code object of ``root`` executes, parents first."""
    stack: list[ast.AST]
    if isinstance(root, FUNCTIONS):
        stack = list(root.body) if isinstance(root.body, list) else [root.body]
    elif isinstance(root, ast.ClassDef):
        stack = list(root.body)
    else:
        stack = [root]
    stack.reverse()
    while stack:
        node = stack.pop()
        yield node
        children = list(ast.iter_child_nodes(node))
        if isinstance(node, FUNCTIONS):
            # The body runs later, in a frame of its own; the defaults are evaluated here.
            children = [node.args, *getattr(node, "decorator_list", [])]
        elif isinstance(node, ast.ClassDef):
            children = [*node.decorator_list, *node.bases, *node.keywords]
        stack.extend(reversed(children))


def _range(node: ast.AST) -> Range | None:
    """Return the source range of ``node`` in an order that compares."""
    line, column = getattr(node, "lineno", None), getattr(node, "col_offset", None)
    end_line, end_column = getattr(node, "end_lineno", None), getattr(node, "end_col_offset", None)
    if line is None or column is None or end_line is None or end_column is None:
        return None
    return line, column, end_line, end_column


def _span(position: Position) -> Range | None:
    """Return the range of ``position`` if it is known exactly."""
    if position.column is None or position.end_column is None or position.end_line is None:
        return None
    return position.line, position.column, position.end_line, position.end_column


def _performs(node: ast.AST) -> ast.AST:
    """Return the part of ``node`` that the compiler means when it gives the range of ``node``."""
    inner: ast.AST | None = None
    if isinstance(node, ast.If | ast.While | ast.Assert):
        inner = node.test
    elif isinstance(node, ast.For | ast.AsyncFor):
        inner = node.iter
    elif isinstance(node, ast.AugAssign):
        inner = node.target
    elif isinstance(node, ast.Match):
        inner = node.subject
    elif isinstance(
        node,
        ast.Assign | ast.AnnAssign | ast.Return | ast.Expr | ast.keyword | ast.FormattedValue,
    ):
        inner = node.value
    return node if inner is None else inner


def _examines(parent: ast.AST | None, name: ast.Name) -> bool:
    """Tell whether ``parent`` looks into the object called ``name`` by itself."""
    if isinstance(parent, ast.If | ast.While | ast.IfExp | ast.Assert):
        return name is parent.test
    if isinstance(parent, ast.For | ast.AsyncFor | ast.comprehension):
        return name is parent.iter
    return isinstance(parent, ast.BoolOp | ast.UnaryOp | ast.Starred)
