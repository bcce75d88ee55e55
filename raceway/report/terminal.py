"""What a terminal can show: its options, harmless text, and columns instead of characters.

A report quotes source lines, names and values of a program that nobody has to trust.  Everything
that is quoted goes through :func:`clean`, so that no escape sequence, bidirectional override or
line break of the program reaches the terminal.
"""

from __future__ import annotations

import codecs
import os
import unicodedata
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_WIDTH: Final = 60
MAX_WIDTH: Final = 120
"""Sentences become hard to read beyond it."""
DEFAULT_WIDTH: Final = 100
"""For what is no terminal: a file, a pipe, the log of a build server."""


def terminal_options(stream: TextIO | None, env: Mapping[str, str]) -> tuple[bool, int, bool]:
    """Find out what ``stream`` can show.

    ``NO_COLOR`` wins over ``FORCE_COLOR``, which wins over ``TERM=dumb`` and over the fact that
    the stream is no terminal.

    Args:
        stream: Where the text will be written.
        env: The environment variables.

    Returns:
        Whether to use colours, the width in columns, and whether other characters than ASCII
        can be shown.
    """
    return _color(stream, env), _width(stream, env), _unicode(stream)


def _color(stream: TextIO | None, env: Mapping[str, str]) -> bool:
    if env.get("NO_COLOR"):
        return False
    forced = env.get("FORCE_COLOR", "")
    if forced:
        return forced != "0"
    if env.get("TERM") == "dumb":
        return False
    if os.name == "nt" and not (env.get("WT_SESSION") or env.get("ANSICON")):
        return False  # the old console prints escape sequences as they are
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, ValueError):  # a stand-in for a stream; a closed one
        return False


def _width(stream: TextIO | None, env: Mapping[str, str]) -> int:
    width = 0
    columns = env.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit():
        width = int(columns[:6])
    if not width and stream is not None:
        try:
            width = os.get_terminal_size(stream.fileno()).columns
        except (AttributeError, ValueError, OSError):  # no descriptor, or no terminal
            width = 0
    return max(MIN_WIDTH, min(MAX_WIDTH, width or DEFAULT_WIDTH))


def _unicode(stream: TextIO | None) -> bool:
    # Only the UTF encodings: a quoted source line may hold any character there is.
    try:
        return codecs.lookup(getattr(stream, "encoding", None) or "ascii").name.startswith("utf")
    except (LookupError, TypeError, ValueError):
        return False


def clean(text: str, *, unicode: bool) -> str:
    r"""Replace every character that does not simply appear by its escape: ``\x1b``, ``\u202e``.

    Doing it twice changes nothing more.
    """
    if text.isprintable() and (unicode or text.isascii()):
        return text
    return "".join(
        char
        if char.isprintable() and (unicode or char.isascii())
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def display_width(text: str) -> int:
    """Count the columns that cleaned text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _fitting(text: str, width: int) -> int:
    """Count the characters that fit; at least one, or a loop over the rest would never end."""
    used = 0
    for position, char in enumerate(text):
        used += _columns(char)
        # The second test stops a tower of combining characters, which has no width at all.
        if (used > width or position >= 4 * width) and position:
            return position
    return len(text)


def shorten(text: str, width: int, ellipsis: str) -> str:
    """Cut cleaned text that is wider than ``width`` and mark the cut with ``ellipsis``."""
    if len(text) <= width and display_width(text) <= width:
        return text
    if _fitting(text, width) == len(text):
        return text
    room = width - len(ellipsis)
    return text[: _fitting(text, room)] + ellipsis if room > 0 else text[: _fitting(text, width)]


def pad(text: str, width: int) -> str:
    """Fill up cleaned text to ``width`` columns."""
    return text + " " * (width - display_width(text))


def wrap(text: str, width: int, *, unicode: bool) -> list[str]:
    """Clean a sentence and break it into lines; a word that is too wide is broken too."""
    lines: list[str] = []
    line = ""
    for raw in text.split():
        word = clean(raw, unicode=unicode)
        if line and display_width(line) + 1 + display_width(word) <= width:
            line += " " + word
            continue
        if line:
            lines.append(line)
        while (cut := _fitting(word, width)) < len(word):
            lines.append(word[:cut])
            word = word[cut:]
        line = word
    if line:
        lines.append(line)
    return lines
