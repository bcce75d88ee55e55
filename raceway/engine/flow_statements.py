"""The data-flow walk through statements: branches, loops, early exits, exceptions.

Branches are walked separately and joined; loops until nothing changes.  Code after a test that
may leave (``if test: return``) depends on that test as much as a branch does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from raceway.engine.code_view import COMPREHENSIONS, CodeView
from raceway.engine.flow_expressions import Access, ExpressionWalk, Outcome
from raceway.engine.flow_names import operands
from raceway.engine.flow_state import CONTROL_FRESH, FRESH, State, as_control, join

# A loop settles after as many passes as a chain of assignments is long; joins stay sound enough.
_PASSES = 8
_TRY: tuple[type[ast.AST], ...] = (ast.Try, getattr(ast, "TryStar", ast.Try))
_BROAD = {"Exception", "BaseException"}
_MISSING = {"KeyError", "IndexError", "LookupError", "AttributeError"}


def _says(node: ast.Return) -> bool:
    """Tell whether something is returned."""
    return node.value is not None and not (
        isinstance(node.value, ast.Constant) and node.value.value is None
    )


class _Loop:
    """The states at the ``break`` and ``continue`` statements of the loop being walked."""

    __slots__ = ("breaks", "continues", "endless")

    def __init__(self, *, endless: bool) -> None:
        self.endless = endless
        self.breaks: State | None = None
        self.continues: State | None = None


class FlowWalk(ExpressionWalk):
    """Walk through one code object from its first statement to its last."""

    def __init__(self, view: CodeView, root: ast.AST, first: Access, second: Access) -> None:
        super().__init__(view, root, first, second)
        self._loops: list[_Loop] = []
        self._tries: list[State] = []
        # Taint of the branches around the exits met so far: function, loop, pass of the loop.
        self._left = self._broken = self._continued = 0

    def run(self, tainted: Iterable[str] = ()) -> Outcome:
        """Walk through the whole code object and return what was seen at the second access.

        Args:
            tainted: Names (``x`` or ``self.x``) that carry what was read from the beginning.
        """
        state = State(dict.fromkeys(tainted, FRESH))
        body = getattr(self.root, "body", None)
        if isinstance(self.root, COMPREHENSIONS):
            self.outcome.gone |= self.comprehension(self.root, state)
        elif isinstance(body, list):
            self._block(body, state)
        else:
            self.outcome.returned |= self.evaluate(body, state)
            self.outcome.gone |= self.outcome.returned
        return self.outcome

    def _block(self, statements: Sequence[ast.stmt], state: State | None) -> State | None:
        for statement in statements:
            if state is None:
                return None
            state = self._statement(statement, state)
        return state

    def _statement(self, node: ast.stmt, state: State) -> State | None:
        before = self._left, self._broken, self._continued
        self._left = self._broken = self._continued = 0
        for around in self._tries:
            around.absorb(state)
        after = self._execute(node, state)
        for around in self._tries:
            # Mutated in place: also what an expression did before it raised or returned.
            around.absorb(state if after is None else after)
        if after is not None:
            after.left |= self._left
            after.broken |= self._broken
            after.continued |= self._continued
        self._left |= before[0]
        self._broken |= before[1]
        self._continued |= before[2]
        return after

    def _execute(self, node: ast.stmt, state: State) -> State | None:  # noqa: C901, PLR0912 - one case a statement
        if isinstance(node, ast.Assign):
            bits = self.evaluate(node.value, state)
            for target in node.targets:
                self.assign(target, bits, state, node.value)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.assign(node.target, self.evaluate(node.value, state), state, node.value)
        elif isinstance(node, ast.AugAssign):
            self.augment(node, state)
        elif isinstance(node, ast.If):
            return self._if(node, state)
        elif isinstance(node, ast.While):
            return self._loop(node, node.test, state)
        elif isinstance(node, ast.For | ast.AsyncFor):
            return self._loop(node, None, state)
        elif isinstance(node, ast.With | ast.AsyncWith):
            return self._with(node, state)
        elif isinstance(node, _TRY):
            return self._try(node, state)
        elif isinstance(node, ast.Match):
            return self._match(node, state)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.evaluate_all(node.decorator_list, state)
            self.evaluate_all([*node.args.defaults, *node.args.kw_defaults], state)
            self.define(node.name, node, state)
            self.event(node, 0, state)
        elif isinstance(node, ast.ClassDef):
            keywords = [word.value for word in node.keywords]
            self.evaluate_all([*node.decorator_list, *node.bases, *keywords], state)
            self.define(node.name, node, state)
            self.event(node, 0, state)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self.assign(target, 0, state)
        elif isinstance(node, ast.Assert):
            tested = as_control(self.evaluate(node.test, state))
            self._left |= tested
            self.outcome.gone |= tested
            self.outcome.raised |= tested
            self.evaluate(node.msg, state.copy())
        elif isinstance(node, ast.Return | ast.Raise | ast.Break | ast.Continue):
            self._leave(node, state)
            return None
        else:
            self.evaluate_all(operands(node), state)
            self.event(node, 0, state)
        return state

    def _leave(self, node: ast.stmt, state: State) -> None:
        bits = self.evaluate_all(operands(node), state)
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Return) and _says(node)):
            self.outcome.gone |= bits | self.control(state)
            if isinstance(node, ast.Raise):
                self.outcome.raised |= self.control(state)
            else:
                self.outcome.returned |= bits | self.control(state)
        if isinstance(node, ast.Break | ast.Continue) and self._loops:
            loop, reached = self._loops[-1], state.copy()
            if isinstance(node, ast.Break):
                self._broken |= self.branch
                if loop.endless:
                    # Only a break leads behind the loop: its test decides when.
                    reached.left |= self.branch | reached.continued
                loop.breaks = join(loop.breaks, reached)
            else:
                self._continued |= self.branch
                loop.continues = join(loop.continues, reached)
            return
        self._left |= self.branch
        if isinstance(node, ast.Raise):
            for around in self._tries:
                around.left |= self.branch

    def _if(self, node: ast.If, state: State) -> State | None:
        around = self.branch
        self.branch |= as_control(self.evaluate(node.test, state))
        other = state.copy()
        after = self._block(node.body, state)
        after = join(after, self._block(node.orelse, other))
        self.branch = around
        return after

    def _loop(
        self, node: ast.While | ast.For | ast.AsyncFor, test: ast.expr | None, state: State
    ) -> State | None:
        endless = isinstance(test, ast.Constant) and bool(test.value)
        around, both = self.branch, self.loops_both(node)
        entry = state.broken, state.continued
        items = 0
        if isinstance(node, ast.For | ast.AsyncFor):
            items = self.evaluate(node.iter, state)
        loop = _Loop(endless=endless)
        self._loops.append(loop)
        head, done, passed = state, state, 0
        for _ in range(_PASSES):
            current = head.copy()
            passed = self.evaluate(test, current) if test is not None else items
            done = current.copy()
            self.branch = around | as_control(passed)
            if isinstance(node, ast.For | ast.AsyncFor):
                self.assign(node.target, items, current)
            back = join(self._block(node.body, current), loop.continues)
            self.branch = around
            if back is None:
                break
            back = back.copy()
            back.continued = entry[1]
            if both:
                back.cross_back_edge()
            following = head.copy()
            following.absorb(back)
            if following == head:
                break
            head = following
        self._loops.pop()
        self._broken = self._continued = 0
        after: State | None = None
        if not endless:
            if test is not None:
                # Whoever waits for a condition acts upon it after the loop.
                done.left |= as_control(passed)
            after = self._block(node.orelse, done)
        after = join(after, loop.breaks)
        if after is not None:
            after.broken, after.continued = entry
        return after

    def _with(self, node: ast.With | ast.AsyncWith, state: State) -> State | None:
        for item in node.items:
            bits = self.evaluate(item.context_expr, state)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, bits, state)
        entered = self.event(node, 0, state)
        for item in node.items:
            if entered and item.optional_vars is not None:
                self.assign(item.optional_vars, entered, state)
        # The body's exceptions and returns pass through __exit__ as well.
        leaving = state.copy()
        self._tries.append(leaving)
        after = self._block(node.body, state)
        self._tries.pop()
        for context in (*(item.context_expr for item in node.items), node):
            self.again(context, leaving)
            if after is not None:
                self.again(context, after)
        return after

    def _try(self, node: ast.stmt, state: State) -> State | None:
        body: list[ast.stmt] = getattr(node, "body", [])
        handlers: list[ast.ExceptHandler] = getattr(node, "handlers", [])
        raised = state.copy()
        self._tries.append(raised)
        after = self._block(body, state)
        self._tries.pop()
        around = self.branch
        left = raised.copy()
        self._tries.append(left)
        after = self._block(getattr(node, "orelse", []), after)
        ends = after is None
        for handler in handlers:
            caught = raised.copy()
            self.evaluate(handler.type, caught)
            if self._catches_first(handler, body):
                self.branch |= CONTROL_FRESH
                # Who has found it is gone: ``try: return d[k]``, and what follows is for the rest.
                caught.left |= CONTROL_FRESH if ends else 0
            if handler.name:
                self.assign(ast.Name(handler.name, ast.Store()), 0, caught)
            after = join(after, self._block(handler.body, caught))
            self.branch = around
        self._tries.pop()
        final: list[ast.stmt] = getattr(node, "finalbody", [])
        if not final:
            return after
        # Once for the ways that go on, once for those that leave through the finally block.
        if after is not None:
            after = self._block(final, after)
        self._block(final, left)
        return after

    def _catches_first(self, handler: ast.ExceptHandler, body: list[ast.stmt]) -> bool:
        """Tell whether the first access may itself raise what ``handler`` catches."""
        if self.first.kind != "read":
            return False
        node = self.first.node
        inside = node in body or any(child in body for child, _ in self._around(node))
        if not inside:
            return False
        names = {
            part.id if isinstance(part, ast.Name) else getattr(part, "attr", "")
            for part in ([] if handler.type is None else ast.walk(handler.type))
        }
        if not names or names & _BROAD:
            return len(body) == 1
        if isinstance(node, ast.Attribute):
            return "AttributeError" in names
        if isinstance(node, ast.Subscript):
            return bool(names & _MISSING)
        return isinstance(node, ast.Call | ast.Await)

    def _around(self, node: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
        return list(self.view.ancestors(node, self.root))

    def _match(self, node: ast.Match, state: State) -> State | None:
        around = self.branch
        subject = self.evaluate(node.subject, state)
        after: State | None = None
        exhausted = False
        for case in node.cases:
            taken = state.copy()
            self.branch |= as_control(subject)
            for part in ast.walk(case.pattern):
                if isinstance(part, ast.MatchAs | ast.MatchStar) and part.name:
                    self.assign(ast.Name(part.name, ast.Store()), subject, taken)
                elif isinstance(part, ast.MatchMapping) and part.rest:
                    self.assign(ast.Name(part.rest, ast.Store()), subject, taken)
                elif isinstance(part, ast.MatchValue):
                    self.evaluate(part.value, taken)
            if case.guard is not None:
                self.branch |= as_control(self.evaluate(case.guard, taken))
            elif isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None:
                exhausted = True
            after = join(after, self._block(case.body, taken))
        self.branch = around
        return after if exhausted else join(after, state)
