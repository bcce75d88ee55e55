"""Static questions about places of the program, answered once for each pair of places.

The engine asks these for every candidate; the answers depend on sites only, so they are kept.
Source text comes through a function that the caller supplies: the engine itself reads no files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from raceway.engine import dependence
from raceway.engine.code_view import CodeView, Position
from raceway.engine.definitions import Definitions
from raceway.engine.dependence import Link, Verdict
from raceway.engine.stamped import Site
from raceway.model.findings import Frame

SourceProvider = Callable[[str], "str | None"]
Kind = Literal["read", "write"]
Frames = tuple[tuple[int, int], ...]

_NO_LINK = Link(Verdict.NONE)


class Judge:
    """Looks at the source of one process's code.

    Args:
        definitions: What code ids stand for.
        sources: Returns the text of a file, or None.
    """

    def __init__(self, definitions: Definitions, sources: SourceProvider) -> None:
        self._definitions = definitions
        self._sources = sources
        self._views: dict[int, CodeView | None] = {}
        self._links: dict[tuple[int, int, Kind, Kind], Link] = {}
        self._rechecks: dict[tuple[int, int, int], bool] = {}
        self._answers: dict[tuple[str, int], bool] = {}

    # ------------------------------------------------------------ places

    def frame(self, site: Site, depth: int = 0) -> Frame | None:
        """Return a frame of a site, 0 is where the access is."""
        code, offset = site.frames[depth]
        known = self._definitions.code(code)
        return known.frame(offset) if known else None

    def _view(self, code_id: int) -> CodeView | None:
        if code_id not in self._views:
            code = self._definitions.code(code_id)
            text = self._sources(code.file) if code else None
            view = None
            if code is not None and text is not None:
                # The syntax tree knows no <locals>, only the last name.
                name = code.function.rpartition(".")[2]
                view = CodeView(text, code.first_line, name)
            self._views[code_id] = view
        return self._views[code_id]

    def _position(self, site: Site, depth: int) -> Position | None:
        frame = self.frame(site, depth)
        if frame is None:
            return None
        return Position(frame.line, frame.end_line, frame.column, frame.end_column)

    # ------------------------------------------------------------ two places

    def common_call(self, first: Site, second: Site) -> tuple[int, int] | None:
        """Find the innermost invocation that both sites were reached from.

        Returns:
            The depth of its frame in either site, or None if there is none.
        """
        one, two = first.frames, second.frames
        for total in range(len(one) + len(two) - 1):
            for i in range(max(0, total - len(two) + 1), min(total, len(one) - 1) + 1):
                j = total - i
                if one[i][0] != two[j][0]:
                    continue
                if self._same_invocation(one[i:], two[j:]):
                    return i, j
        return None

    def _same_invocation(self, one: Frames, two: Frames) -> bool:
        """Tell whether two call stacks, from one function outwards, can be one invocation.

        The callers must be the same, call for call.  Only whoever resumes a generator or the
        outermost coroutine of a task may be somebody else each time.
        """
        for depth in range(1, min(len(one), len(two))):
            if one[depth] == two[depth]:
                continue
            inner, outer = one[depth - 1][0], one[depth][0]
            awaited = outer == two[depth][0] and self._is_resumable(outer)
            return self._is_resumable(inner) and not awaited
        return True

    def _is_resumable(self, code_id: int) -> bool:
        code = self._definitions.code(code_id)
        return code is not None and code.resumable

    def link(self, first: Site, second: Site, first_kind: Kind, second_kind: Kind) -> Link:
        """Tell whether an access at ``second`` relies on an earlier one at ``first``."""
        key = (first.number, second.number, first_kind, second_kind)
        answer = self._links.get(key)
        if answer is None:
            answer = self._links[key] = self._link(first, second, first_kind, second_kind)
        return answer

    def _link(self, first: Site, second: Site, first_kind: Kind, second_kind: Kind) -> Link:
        depths = self.common_call(first, second)
        if depths is None:
            return _NO_LINK
        i, j = depths
        view = self._view(first.frames[i][0])
        one, two = self._position(first, i), self._position(second, j)
        if view is None or one is None or two is None:
            return self._guess(first, second, i, j)
        # In a callee an access is a call: what it gives back is read, what it is given is written.
        answer = dependence.link(view, one, two, first_kind=first_kind, second_kind=second_kind)
        if answer.verdict is Verdict.UNKNOWN:
            return self._guess(first, second, i, j)
        return answer

    @staticmethod
    def _guess(first: Site, second: Site, i: int, j: int) -> Link:
        """Without source: in one function, and in the order of its instructions."""
        if first.frames[i][1] < second.frames[j][1]:
            return Link(Verdict.CONTROL)
        return _NO_LINK

    def in_order(self, first: Site, second: Site) -> Link:
        """Answer as :meth:`link` where the source says nothing: accesses tracked by hand.

        A call that reports a read is not the read: what is written does not depend on it.
        """
        depths = self.common_call(first, second)
        return self._guess(first, second, *depths) if depths else _NO_LINK

    def is_recheck(self, first: Site, middle: Site, second: Site) -> bool:
        """Tell whether the read at ``middle`` guards ``second``: ``first`` does no harm then."""
        key = (first.number, middle.number, second.number)
        answer = self._rechecks.get(key)
        if answer is None:
            answer = self._rechecks[key] = self._is_recheck(first, middle, second)
        return answer

    def _is_recheck(self, first: Site, middle: Site, second: Site) -> bool:
        outer = self.common_call(first, second)
        inner = self.common_call(middle, second)
        if outer is None or inner is None:
            return False
        i, j = outer
        m, k = inner
        if k != j:
            # The check and the act lie together in a callee of the function with the stale read.
            view = self._view(second.frames[k][0])
            check, act = self._position(middle, m), self._position(second, k)
            if view is None or check is None or act is None or k > j:
                return False
            answer = dependence.link(view, check, act, first_kind="read", second_kind="write")
            return answer.linked and not self._in_update(view, check)
        view = self._view(second.frames[j][0])
        one, two, three = (
            self._position(first, i), self._position(middle, m), self._position(second, j),
        )  # fmt: skip
        if view is None or one is None or two is None or three is None:
            return False
        return dependence.is_recheck_between(view, one, two, three)

    @staticmethod
    def _in_update(view: CodeView, position: Position) -> bool:
        return dependence.is_update(view, position)

    # ------------------------------------------------------------ one place

    def _ask(self, question: str, site: Site) -> bool:
        key = (question, site.number)
        answer = self._answers.get(key)
        if answer is None:
            view, position = self._view(site.frames[0][0]), self._position(site, 0)
            answer = False
            if view is not None and position is not None:
                answer = bool(getattr(dependence, question)(view, position))
            self._answers[key] = answer
        return answer

    def is_double_checked(self, site: Site) -> bool:
        """Tell whether this read is the first check of double-checked locking."""
        return self._ask("is_double_checked", site)

    def is_polled(self, site: Site) -> bool:
        """Tell whether this read is the condition of a loop."""
        return self._ask("is_polled", site)

    def is_update(self, site: Site) -> bool:
        """Tell whether this access belongs to ``x += 1`` or ``x = f(x)``."""
        return self._ask("is_update", site)

    def is_constant_write(self, site: Site) -> bool:
        """Tell whether this write stores a literal."""
        return self._ask("is_constant_write", site)
