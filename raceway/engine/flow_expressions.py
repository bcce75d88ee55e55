"""The data-flow walk through expressions: which values are computed from the first access.

The walk is an abstract interpretation of one function's syntax tree in evaluation order.  The
first access, when the walk comes to it, yields a tainted value; at the second access the walk
notes what is tainted there.  It errs towards "linked" where ways join, and never looks into
other functions: what a call returns is computed from its arguments and its receiver.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from raceway.engine.code_view import COMPREHENSIONS, FUNCTIONS, CodeView, Kind
from raceway.engine.flow_names import (
    assigned_names,
    defaults,
    free_names,
    operands,
    pairs,
    repeats,
    root_name,
)
from raceway.engine.flow_state import DATA, FRESH, State, as_control, dotted
from raceway.engine.source_shapes import LOOKS_AT, is_log_call

_PUTS = frozenset({"append", "appendleft", "push", "put", "put_nowait"})
_TAKES = frozenset({"pop", "popleft", "get", "get_nowait"})
_ANY_ITEM = "[...]"
"""Stands for whatever is in a list, stack or queue that is no local of the function."""

# More evaluations than this per question are refused: deeply nested loops of generated code.
_BUDGET = 200_000


class TooComplexError(Exception):
    """The function is too large to be walked within the budget."""


@dataclass(slots=True)
class Outcome:
    """What the walk saw at the second access, over all ways that lead there.

    ``gone`` is the taint of what left the function at any point: returned, raised, stored in an
    object, given to another function; ``stored`` says in which attributes, ``returned`` what of it
    the caller gets, and ``raised`` is the taint of the tests that end the function by an exception.
    """

    data: int = 0
    control: int = 0
    reached: int = 0
    hits: int = 0
    gone: int = 0
    raised: int = 0
    returned: int = 0
    stored: dict[str, int] = field(default_factory=dict)
    values: dict[ast.AST, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Access:
    """One of the two accesses: the node that performs it, and at which moment of the node."""

    node: ast.AST
    kind: Kind
    leaves: bool | None = None
    """Of a ``with`` block: at its exit, or not; None if unknown."""


class ExpressionWalk:
    """Evaluate expressions over taint."""

    def __init__(self, view: CodeView, root: ast.AST, first: Access, second: Access) -> None:
        self.view = view
        self.root = root
        self.first = first
        self.second = second
        self.outcome = Outcome()
        self.branch = 0  # taint of the tests of the branches around the current point
        self._steps = 0
        self._bound, self._built = assigned_names(root)
        self._closures: dict[str, set[str]] = {}
        # The variable itself carries nothing: who reads it again gets a new value.
        self._shared = {dotted(first.node), dotted(second.node)}
        self._holders = {root_name(first.node), root_name(second.node)}

    # -- the two accesses --------------------------------------------------------------------

    def event(self, node: ast.AST, data: int, state: State, moment: Kind | None = None) -> int:
        """Note that ``node`` is executed; return the taint of what it returns by itself.

        Args:
            node: The node that may be one of the two accesses.
            data: The taint of the written value, the arguments or the index.
            state: The current state.
            moment: Which access of an augmented assignment's target this is.
        """
        bits = 0
        second = (
            node is self.second.node
            and moment in (None, self.second.kind)
            and not self.second.leaves
        )
        if second:
            self._hit(data, state)
        if node is self.first.node and moment in (None, self.first.kind) and not self.first.leaves:
            state.reached |= FRESH
            # Both accesses may lie in one call (``list(map(f, xs))``), unless a loop repeats it.
            if second and isinstance(node, ast.Call | ast.Await) and not self.view_in_loop(node):
                self._hit(0, state)
            if self.first.kind == "read":
                bits = FRESH
        return bits

    def again(self, node: ast.AST, state: State) -> None:
        """Note that ``node`` is executed a second time (the exit of a ``with`` block)."""
        if node is self.second.node and self.second.leaves is not False:
            self._hit(0, state)
        if node is self.first.node and self.first.leaves is not False:
            state.reached |= FRESH

    def control(self, state: State) -> int:
        """Return the taint of all the tests on which the current point depends."""
        return self.branch | state.left | state.broken | state.continued

    def view_in_loop(self, node: ast.AST) -> bool:
        """Tell whether a loop of this function repeats ``node``."""
        return any(repeats(parent, child) for child, parent in self.view.ancestors(node, self.root))

    def _hit(self, data: int, state: State) -> None:
        self.outcome.hits += 1
        self.outcome.data |= data
        self.outcome.control |= self.control(state)
        self.outcome.reached |= state.reached

    # -- values ------------------------------------------------------------------------------

    def evaluate(self, node: ast.AST | None, state: State) -> int:
        """Walk through ``node`` in evaluation order and return the taint of its value."""
        if node is None:
            return 0
        self._steps += 1
        if self._steps > _BUDGET:
            raise TooComplexError
        bits = self._value(node, state)
        self.outcome.values[node] = self.outcome.values.get(node, 0) | bits
        return bits

    def evaluate_all(self, nodes: Iterable[ast.AST | None], state: State) -> int:
        """Walk through ``nodes`` one after the other and return the union of their taint."""
        bits = 0
        for node in nodes:
            bits |= self.evaluate(node, state)
        return bits

    def _value(self, node: ast.AST, state: State) -> int:
        if isinstance(node, ast.Name):
            return self.event(node, 0, state) | self._look_up(node.id, state)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, state)
        if isinstance(node, ast.Call):
            return self._call(node, state)
        if isinstance(node, ast.Subscript):
            base = self.evaluate(node.value, state)
            index = self.evaluate(node.slice, state)
            bits = base | index | self._kept(node, state) | self._held_in(node.value, state)
            return bits | self.event(node, index, state)
        if isinstance(node, ast.NamedExpr):
            bits = self.evaluate(node.value, state)
            self.assign(node.target, bits, state)
            return bits
        if isinstance(node, ast.BoolOp):
            return self._bool_op(node, state)
        if isinstance(node, ast.IfExp):
            return self._conditional(node, state)
        if isinstance(node, COMPREHENSIONS):
            return self.comprehension(node, state)
        return self._plain(node, state)

    def _plain(self, node: ast.AST, state: State) -> int:
        """Walk through an expression whose value is made of all of its operands."""
        if isinstance(node, FUNCTIONS):
            bits = self.evaluate_all(defaults(node.args), state)
            return bits | self._captured(free_names(node), state) | self.event(node, 0, state)
        bits = given = self.evaluate_all(operands(node), state)
        if isinstance(node, ast.Await):
            given = self._given(node.value, bits)
        elif isinstance(node, ast.Yield | ast.YieldFrom):
            self.outcome.gone |= bits | self.control(state)
        return bits | self.event(node, given, state)

    def _attribute(self, node: ast.Attribute, state: State) -> int:
        bits = self.evaluate(node.value, state) | self._kept(node, state)
        return bits | self.event(node, 0, state)

    def _kept(self, node: ast.Attribute | ast.Subscript, state: State) -> int:
        """Return the taint of what was stored here before."""
        path = dotted(node)
        return 0 if path is None or path in self._shared else state.names.get(path, 0)

    def _call(self, node: ast.Call, state: State) -> int:
        function = self.evaluate(node.func, state)
        given = self.evaluate_all([*node.args, *(word.value for word in node.keywords)], state)
        if isinstance(node.func, ast.Attribute):
            receiver = node.func.value
            if given:
                self._put_into(receiver, given, state)
                if node.func.attr in _PUTS:
                    self._put_away(receiver, given, state)
            if node.func.attr in _TAKES:
                function |= self._held_in(receiver, state)
        if given:
            if not self._only_looks(node):
                self.outcome.gone |= given
            for argument in node.args:
                if isinstance(argument, ast.Name) and argument.id in self._built:
                    state.weaken(argument.id, given)
        # A local function takes what it captured along, as if it were an argument.
        if isinstance(node.func, ast.Name) and node.func.id in self._closures:
            given |= function
        return function | given | self.event(node, given, state)

    @staticmethod
    def _only_looks(node: ast.Call) -> bool:
        """Tell whether the call does nothing with its arguments but to look at them."""
        looks = isinstance(node.func, ast.Name) and node.func.id in LOOKS_AT
        return looks or is_log_call(node, output=True)

    def _given(self, node: ast.AST, bits: int) -> int:
        """Return the taint of what the awaited (or entered) ``node`` was given to work with."""
        if not isinstance(node, ast.Call):
            return bits
        words = [word.value for word in node.keywords]
        given = 0
        for argument in [*node.args, *words]:
            given |= self.outcome.values.get(argument, 0)
        return given

    def _bool_op(self, node: ast.BoolOp, state: State) -> int:
        around, bits = self.branch, 0
        for operand in node.values:
            bits |= self.evaluate(operand, state)
            self.branch |= as_control(bits)
        self.branch = around
        return bits | self.event(node, 0, state)

    def _conditional(self, node: ast.IfExp, state: State) -> int:
        around = self.branch
        bits = self.evaluate(node.test, state)
        self.branch |= as_control(bits)
        other = state.copy()
        bits |= self.evaluate(node.body, state)
        bits |= self.evaluate(node.orelse, other)
        self.branch = around
        state.absorb(other)
        return bits | self.event(node, 0, state)

    def comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
        state: State,
    ) -> int:
        """Walk through a comprehension: two passes, since its passes follow each other too."""
        around, outer = self.branch, dict(state.names)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        bits = 0
        for _ in range(2):
            self.branch = around
            for generator in node.generators:
                items = self.evaluate(generator.iter, state)
                self.branch |= as_control(items)
                self.assign(generator.target, items, state)
                bits |= items
                for test in generator.ifs:
                    passed = self.evaluate(test, state)
                    self.branch |= as_control(passed)
                    bits |= passed
            bits |= self.evaluate_all(parts, state)
            if self.loops_both(node):
                state.reached = 0 if not state.reached else DATA & ~FRESH
        self.branch = around
        for generator in node.generators:
            for name in ast.walk(generator.target):
                if isinstance(name, ast.Name):
                    state.names[name.id] = outer.get(name.id, 0)
        return bits | self.event(node, bits, state)

    # -- names -------------------------------------------------------------------------------

    def assign(
        self, target: ast.AST, bits: int, state: State, value: ast.AST | None = None
    ) -> None:
        """Store a value with taint ``bits``, computed by ``value`` if that is known."""
        bits |= as_control(self.branch)
        if isinstance(target, ast.Name):
            state.assign(target.id, bits)
            self._closures.pop(target.id, None)
            if target.id not in self._bound:
                self.outcome.gone |= bits  # a global name, or one of an enclosing function
            self.event(target, bits, state)
        elif isinstance(target, ast.Tuple | ast.List):
            for element, part in pairs(target, value):
                known = bits if part is None else self.outcome.values.get(part, bits)
                self.assign(element, known, state, part)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, bits, state)
        elif isinstance(target, ast.Attribute):
            self.evaluate(target.value, state)
            self._store(target, bits, state)
        elif isinstance(target, ast.Subscript):
            self.evaluate(target.value, state)
            bits |= self.evaluate(target.slice, state)
            self._store(target, bits, state)

    def augment(self, node: ast.AugAssign, state: State) -> None:
        """Walk through ``target op= value``: load, value, store, as the interpreter does."""
        target = node.target
        bits = 0
        if isinstance(target, ast.Name):
            bits = self._look_up(target.id, state)
        elif isinstance(target, ast.Attribute):
            bits = self.evaluate(target.value, state) | self._kept(target, state)
        else:
            self.evaluate(target.value, state)
            bits = self.evaluate(target.slice, state) | self._kept(target, state)
        bits |= self.event(target, 0, state, "read")
        bits |= self.evaluate(node.value, state) | as_control(self.branch)
        if isinstance(target, ast.Name):
            state.assign(target.id, bits)
            self.event(target, bits, state, "write")
        else:
            self._store(target, bits, state, "write")

    def define(self, name: str, node: ast.AST, state: State) -> None:
        """Bind ``name`` to a function: it carries what the function captures."""
        state.assign(name, 0)
        self._closures[name] = free_names(node)

    def loops_both(self, loop: ast.AST) -> bool:
        """Tell whether each pass of ``loop`` may execute both accesses."""
        return all(
            any(
                parent is loop and repeats(parent, child)
                for child, parent in self.view.ancestors(access.node, self.root)
            )
            for access in (self.first, self.second)
        )

    def _store(
        self,
        target: ast.Attribute | ast.Subscript,
        bits: int,
        state: State,
        moment: Kind | None = None,
    ) -> None:
        self.event(target, bits, state, moment)
        path = dotted(target)
        if path is not None and path not in self._shared:
            state.assign(path, bits)
            self.outcome.stored[path] = self.outcome.stored.get(path, 0) | bits
        if path is None or path not in self._shared:
            self.outcome.gone |= bits
        self._put_into(target.value, bits, state)

    def _put_into(self, holder: ast.AST, bits: int, state: State) -> None:
        """Taint a local object that something was stored in, unless it holds the variable."""
        if isinstance(holder, ast.Name) and holder.id in self._bound - self._holders:
            state.weaken(holder.id, bits)

    def _put_away(self, holder: ast.AST, bits: int, state: State) -> None:
        """Note that something was put into a list or queue that outlives the function."""
        path = self._outer(holder)
        if path is not None:
            state.weaken(path + _ANY_ITEM, bits)

    def _held_in(self, holder: ast.AST, state: State) -> int:
        """Return the taint of what was put there: it may be what is taken out."""
        path = self._outer(holder)
        return 0 if path is None else state.names.get(path + _ANY_ITEM, 0)

    def _outer(self, holder: ast.AST) -> str | None:
        path = dotted(holder)
        local = isinstance(holder, ast.Name) and holder.id in self._bound
        return None if local or path in self._shared else path

    def _look_up(self, name: str, state: State) -> int:
        bits = state.names.get(name, 0)
        free = self._closures.get(name)
        return bits if free is None else bits | self._captured(free - {name}, state)

    def _captured(self, names: Iterable[str], state: State) -> int:
        bits = 0
        for name in names:
            bits |= state.names.get(name, 0)
        return bits
