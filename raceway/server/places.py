"""Places in programs as events name them: a location, or a call stack in a tag.

The engine knows places as code objects and offsets.  An instrumented program tells both.  Of other
events only ``file:line`` is known; there a file stands for a code object, and a line for an offset.
"""

from __future__ import annotations

import ast
import contextlib
import os
import tokenize
from pathlib import Path
from typing import Final

from raceway.engine.definitions import Code
from raceway.engine.stamped import Site, Stack
from raceway.model.aging import Aging
from raceway.model.findings import Frame

PLACES_KEPT: Final = 20_000
"""Places of a generation."""
SITES_KEPT: Final = 100_000
"""Places that are told apart, for good."""
_MOST_SOURCE: Final = 4 * 1024 * 1024
_SUFFIXES: Final = (
    ".py", ".pyi", ".js", ".ts", ".jsx", ".tsx", ".mjs", ".cjs", ".go", ".rs", ".java", ".kt",
    ".c", ".cc", ".cpp", ".h", ".rb", ".php", ".cs",
)  # fmt: skip


class SourceFolders:
    """Source files, of certain folders and no others: their names come from outside.

    Args:
        folders: The folders; what lies below them may be read.
    """

    def __init__(self, folders: tuple[str, ...]) -> None:
        self._folders = [os.path.realpath(folder) for folder in folders]
        self._texts: dict[str, tuple[float, str | None]] = {}
        self._functions: dict[str, tuple[float, list[tuple[int, int, str]]]] = {}

    def text(self, path: str) -> str | None:
        """Return the text of a source file, or None if it may not or cannot be read."""
        found = self._find(path)
        if found is None:
            return None
        changed = _changed(found)
        known = self._texts.get(path)
        if known is None or known[0] != changed:
            text = None
            with contextlib.suppress(OSError, SyntaxError, UnicodeDecodeError, ValueError):
                if os.path.getsize(found) <= _MOST_SOURCE:
                    if found.endswith((".py", ".pyi")):
                        with tokenize.open(found) as file:
                            text = file.read()
                    else:
                        text = Path(found).read_text("utf-8")
            if len(self._texts) > 500:
                self._texts.clear()
            known = self._texts[path] = (changed, text)
        return known[1]

    def line(self, path: str, number: int) -> str | None:
        """Return one line of a source file, without its end, or None."""
        lines = (self.text(path) or "").splitlines()
        return lines[number - 1] if 0 < number <= len(lines) else None

    def function(self, path: str, line: int) -> str:
        """Return the qualified name of the Python function around a line, or an empty string."""
        found = self._find(path)
        if found is None or not found.endswith(".py"):
            return ""
        changed = _changed(found)
        known = self._functions.get(path)
        if known is None or known[0] != changed:
            if len(self._functions) > 500:
                self._functions.clear()
            known = self._functions[path] = (changed, _functions(self.text(path) or ""))
        around = [one for one in known[1] if one[0] <= line <= one[1]]
        return max(around)[2] if around else ""

    def _find(self, path: str) -> str | None:
        if not path or "\0" in path or not path.lower().endswith(_SUFFIXES):
            return None
        candidates = (
            [path] if os.path.isabs(path) else [os.path.join(one, path) for one in self._folders]
        )
        for candidate in candidates:
            real = os.path.realpath(candidate)
            inside = any(
                real.startswith(folder.rstrip(os.sep) + os.sep) for folder in self._folders
            )
            if inside and os.path.isfile(real):
                return real
        return None


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _functions(text: str) -> list[tuple[int, int, str]]:
    """Return first line, last line and qualified name of each function."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found: list[tuple[int, int, str]] = []
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, above = waiting.pop()
        for child in ast.iter_child_nodes(node):
            name = above
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{above}{child.name}"
                found.append((child.lineno, child.end_lineno or child.lineno, name))
                name += ".<locals>."
            elif isinstance(child, ast.ClassDef):
                name = f"{above}{child.name}."
            waiting.append((child, name))
    return found


class _Places(Code):
    """A code object of which single places are known."""

    __slots__ = ("frames",)

    def __init__(self, file: str, function: str, first_line: int, flags: int) -> None:
        super().__init__(file, function, first_line, flags, ())
        self.frames: dict[int, Frame] = {}

    def canonical(self, offset: int) -> int:
        """Return the offset itself: who has told it has seen to that."""
        return offset

    def frame(self, offset: int) -> Frame:
        """Return a place."""
        found = self.frames.get(offset)
        return found or Frame(self.file, offset >> 1, self.function, first_line=self.first_line)


class PlaceTable:
    """Gives places numbers, as the engine wants them.

    Args:
        codes: Gets what the numbers of code objects stand for.
        sources: Source files.

    Attributes:
        known: Sites of late, by location and function or by the text of a call stack.
    """

    def __init__(self, codes: dict[int, Code], sources: SourceFolders) -> None:
        self._codes = codes
        self._sources = sources
        self._numbers: dict[object, int] = {}
        self._stacks: dict[tuple[tuple[int, int], ...], Stack] = {(): Stack(())}
        self.known: Aging[object, Site] = Aging(PLACES_KEPT)
        self._sites: dict[tuple[tuple[int, int], ...], Site] = {}

    def site(self, location: str, function: str = "") -> Site:
        """Return the site of a ``file:line``."""
        key = (location, function)
        found = self.known.young.get(key) or self.known.get(key)
        if found is None:
            found = self.known[key] = self._site(*self._of_location(location, function))
        return found

    def stacked(self, frames: str) -> Site:
        """Return the site of a call stack in a tag."""
        found = self.known.young.get(frames) or self.known.get(frames)
        if found is None:
            found = self.known[frames] = self._site(*self._of_frames(frames))
        return found

    def _site(self, stack: Stack, code: int, offset: int) -> Site:
        found = stack.sites.get((code, offset))
        if found is None:
            if len(self._sites) >= SITES_KEPT:  # no program has that many
                stack, code, offset = self._stacks[()], self._code("too many places", "", 0, 0), 0
            place = ((code, offset), *stack.frames)
            found = stack.sites[code, offset] = Site(len(self._sites), place)
            self._sites[place] = found
        return found

    def _of_location(self, location: str, function: str) -> tuple[Stack, int, int]:
        file, _, digits = location.rpartition(":")
        if not file or not digits.isdecimal() or not digits.isascii():
            file, digits = location, "0"
        line = min(int(digits[:9]), 10**8)
        code = self._code(file or "unknown", "", 0, 0)
        known_as = self._sources.function(file, line) or function
        places = self._codes[code]
        if isinstance(places, _Places) and (line << 1) not in places.frames:
            places.frames[line << 1] = Frame(file or "unknown", line, known_as)
        return self._stacks[()], code, line << 1

    def _of_frames(self, text: str) -> tuple[Stack, int, int]:
        frames = [self._frame(line) for line in text.split("\n")[:32]]
        innermost, callers = frames[0], tuple(frames[1:])
        stack = self._stacks.get(callers)
        if stack is None:
            stack = self._stacks[callers] = Stack(callers)
        return (stack, *innermost)

    def _frame(self, text: str) -> tuple[int, int]:
        parts = text.split("\t")
        numbers = [
            int(part[:9]) if part.isdecimal() and part.isascii() else None for part in parts[:7]
        ]
        if len(parts) != 9:
            return self._code(text[:200], "", 0, 0), 0
        line, end_line, column, end_column, first_line, flags, offset = numbers
        code = self._code(parts[8], parts[7], first_line or 0, flags or 0)
        places = self._codes[code]
        if isinstance(places, _Places):
            places.frames[offset or 0] = Frame(
                parts[8], line or 0, parts[7], end_line, column, end_column, first_line or 1
            )
        return code, offset or 0

    def _code(self, file: str, function: str, first_line: int, flags: int) -> int:
        key = (file, function, first_line, flags)
        number = self._numbers.get(key)
        if number is None:
            if len(self._numbers) >= SITES_KEPT:
                return 1
            number = self._numbers[key] = len(self._numbers) + 1
            self._codes[number] = _Places(file, function, first_line, flags)
        return number
