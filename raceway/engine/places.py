"""Places in the program: where they are in its source, and which belong to one call."""

from __future__ import annotations

from collections.abc import Callable

from raceway.engine.code_view import CodeView, Position
from raceway.engine.definitions import Definitions
from raceway.engine.stamped import Site
from raceway.model import ops
from raceway.model.findings import Frame

SourceProvider = Callable[[str], "str | None"]
Frames = tuple[tuple[int, int], ...]

_GENERATORS = ops.GENERATOR | ops.ASYNC_GENERATOR
_EXITS = frozenset({"__exit__", "__aexit__"})


class Places:
    """The places of one process's code.

    Args:
        definitions: What code ids stand for.
        sources: Returns the text of a file, or None.
    """

    def __init__(self, definitions: Definitions, sources: SourceProvider) -> None:
        self._definitions = definitions
        self._sources = sources
        self._views: dict[int, CodeView | None] = {}

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
        callee = self.frame(site, depth - 1) if depth else None
        leaves = None if callee is None else callee.function.rpartition(".")[2] in _EXITS
        return Position(frame.line, frame.end_line, frame.column, frame.end_column, leaves)

    def _place(self, site: Site, depth: int) -> tuple[CodeView, Position] | None:
        """Return the source of a frame and the place in it, if both are known."""
        view, position = self._view(site.frames[depth][0]), self._position(site, depth)
        return None if view is None or position is None else (view, position)

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

    def pauses(self, first: Site, second: Site) -> list[int]:
        """Return the lines between two places of one coroutine on which it may be suspended."""
        view, one, two = self._view(first.frames[0][0]), self.frame(first), self.frame(second)
        if view is None or one is None or two is None or self.common_call(first, second) != (0, 0):
            return []
        return view.pauses(one.line, two.line)

    def _same_invocation(self, one: Frames, two: Frames) -> bool:
        """Tell whether two call stacks, from one function outwards, can be one invocation.

        The callers must be the same, call for call.  Only whoever resumes a generator or the
        outermost coroutine of a task may be somebody else each time.
        """
        for depth in range(1, min(len(one), len(two))):
            if one[depth] == two[depth]:
                continue
            callee = self._resumable(one[depth - 1][0])
            callers = self._resumable(one[depth][0]) | self._resumable(two[depth][0])
            if callee == ops.GENERATOR:
                return not callers & ops.GENERATOR  # who delegates to it by "yield from" stays
            return callee == ops.ASYNC_GENERATOR or bool(callee and not callers)  # who awaits stays
        return True

    def _resumable(self, code_id: int) -> int:
        code = self._definitions.code(code_id)
        return code.resumable if code is not None else 0

    def crosses_calls(self, first: Site, second: Site) -> bool:
        """Tell whether the call that both are in was resumed by others for each of them."""
        depths = self.common_call(first, second)
        return (
            depths is not None and first.frames[depths[0] + 1 :] != second.frames[depths[1] + 1 :]
        )

    def is_taken_outside(self, lock: Site, site: Site, depth: int) -> bool:
        """Tell whether a lock was taken at ``lock`` for a call of the function at ``depth``.

        By a caller of it, that is, before it called.  A generator is another matter: its caller may
        take the lock anew for each step.
        """
        common = self.common_call(lock, site)
        if (
            common is None
            or common[1] <= depth
            or self._definitions.code(lock.frames[0][0]) is None
        ):
            return False
        callees = site.frames[depth : common[1]]
        return not any(self._resumable(code) & _GENERATORS for code, _ in callees)

    def is_superseded(self, first: Site, middle: Site, second: Site) -> bool:
        """Tell whether ``middle`` is the same place as ``first``, in the call of ``second``.

        A generator is resumed by other callers each time, so that ``first`` can be in that call,
        too.  But it is the later one that the call goes on from.
        """
        depths = self.common_call(first, second)
        if depths is None:
            return False
        i, j = depths[0] + 1, depths[1] + 1
        return (
            first.frames[i:] != second.frames[j:]
            and middle.frames[i:] == second.frames[j:]
            and middle.frames[:i] == first.frames[:i]
        )
