"""Source lines around the places of a finding, and which frames belong to the user's program."""

from __future__ import annotations

import linecache
import os
import re
import sysconfig
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from raceway.model.findings import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    ReadLine = Callable[[str, int], str | None]

JOIN_DISTANCE: Final = 12
"""Lines between two places that are still shown as one piece of code."""
_MAX_EXPRESSION: Final = 3
"""Further lines shown of an expression that goes over several lines."""
_MAX_LINE: Final = 400
_TAB: Final = 4
_LIBRARY_FOLDERS: Final = ("site-packages", "dist-packages")
_STDLIB: Final = sysconfig.get_path("stdlib") + os.sep
_OTHER_STDLIB: Final = re.compile(r"(^|[/\\])lib(32|64)?[/\\]python\d(\.\d+)?t?[/\\]")
"""The program may run under another interpreter than the report."""

_LIBRARY_ROOT: Final = re.compile(
    r".*[/\\](site-packages|dist-packages|lib(32|64)?[/\\]python\d(\.\d+)?t?)[/\\](?=.)"
)

UNKNOWN_FRAME: Final = Frame("<unknown>", 0, "<unknown>")


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line of an excerpt.

    Attributes:
        number: Its number in the file; 0 stands for lines left out.
        text: The line without the indentation that all lines of the excerpt share.
        marked: Whether one of the places is on this line.
    """

    number: int
    text: str = ""
    marked: bool = False


def source_line(file: str, line: int) -> str | None:
    """Read one line of a source file; None if there is none."""
    if line <= 0 or file == "<string>":  # a name of many: what is known by it may be another one
        return None
    return linecache.getline(file, line).rstrip("\r\n") or None


def excerpt(
    frames: Sequence[Frame], read_line: ReadLine, context: int = 1
) -> tuple[SourceLine, ...]:
    """Return the lines of all frames, which are in one file, with some lines around them.

    Frames that are close together give one piece with all lines between them.

    Args:
        frames: The places to mark.
        read_line: Returns a line of a file without its newline, or None.
        context: Lines before and after.

    Returns:
        The lines in the order of the file; empty if no marked line can be read.
    """
    file = frames[0].file
    marked = {frame.line for frame in frames}
    texts: dict[int, str] = {}
    for number in sorted(_wanted(frames, context)):
        text = _read(read_line, file, number)
        if text is not None:
            texts[number] = text
    if not any(texts.get(number, "").strip() for number in marked):
        return ()
    _drop_foreign(texts, frames, read_line)
    while texts and not texts[max(texts)].strip() and max(texts) not in marked:
        del texts[max(texts)]
    while texts and not texts[min(texts)].strip() and min(texts) not in marked:
        del texts[min(texts)]
    margin = min(_indent(text) for text in texts.values() if text.strip())
    lines: list[SourceLine] = []
    for number, text in texts.items():
        if lines and number > lines[-1].number + 1:
            lines.append(SourceLine(0))
        lines.append(SourceLine(number, text[margin:], number in marked))
    return tuple(lines)


def _wanted(frames: Sequence[Frame], context: int) -> set[int]:
    wanted: set[int] = set()
    for frame in frames:
        end = min(frame.end_line or frame.line, frame.line + _MAX_EXPRESSION)
        # What stands before its first line is not part of the function.
        first = frame.first_line if frame.first_line <= frame.line else 1
        wanted.update(
            range(max(1, first, frame.line - context), max(end, frame.line) + context + 1)
        )
    low, high = min(f.line for f in frames), max(f.line for f in frames)
    if high - low <= JOIN_DISTANCE:
        wanted.update(range(max(1, low), high + 1))
    return wanted


def _drop_foreign(texts: dict[int, str], frames: Sequence[Frame], read_line: ReadLine) -> None:
    """Remove lines after the last place that are indented too little to be of its function."""
    last = max(frames, key=lambda frame: frame.line)
    if last.function == "<module>" or not 0 < last.first_line < last.line:
        return
    head = _read(read_line, last.file, last.first_line)
    if head is None:
        return
    for number in [number for number in texts if number > max(last.line, last.end_line or 0)]:
        if texts[number].strip() and _indent(texts[number]) <= _indent(head):
            del texts[number]


def _read(read_line: ReadLine, file: str, number: int) -> str | None:
    try:
        text = read_line(file, number)
    except Exception:
        return None
    return None if text is None else text[:_MAX_LINE].rstrip().expandtabs(_TAB)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def shown_path(file: str, root: str) -> str:
    """Return the path relative to ``root``, a library's relative to where libraries are."""
    if not root:
        return file
    prefix = root.rstrip(os.sep) + os.sep
    if file.startswith(prefix) and file != prefix:
        return file[len(prefix) :]
    library = _LIBRARY_ROOT.match(file)
    return file[library.end() :] if library else file


def shown_location(location: str, root: str) -> str:
    """Do the same for ``file:line``."""
    return shown_path(location, root)


def is_library(file: str, root: str) -> bool:
    """Tell whether the file belongs to an installed library or to Python itself."""
    # Only what comes after the root counts: a program may itself lie among the libraries.
    prefix = root.rstrip(os.sep) + os.sep
    path = file[len(prefix) :] if root and file.startswith(prefix) else file
    if any(folder in re.split(r"[/\\]", path) for folder in _LIBRARY_FOLDERS):
        return True
    if path.startswith("<frozen") or _OTHER_STDLIB.search(path):
        return True
    return file.startswith(_STDLIB) and not root.startswith(_STDLIB)


def user_frames(stack: Iterable[Frame], root: str) -> list[tuple[Frame, int]]:
    """Return the frames of the user's program, each with the library frames skipped before it."""
    frames: list[tuple[Frame, int]] = []
    skipped = 0
    for frame in stack:
        if is_library(frame.file, root):
            skipped += 1
        else:
            frames.append((frame, skipped))
            skipped = 0
    return frames
