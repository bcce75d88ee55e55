"""A page of text under construction: lines of styled pieces, in a width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from raceway.report.terminal import MIN_WIDTH, clean, display_width, shorten, wrap

_STYLES: Final = {
    "critical": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "bold": "1",
    "dim": "2",
    "mark": "1;31",
    "note": "36",
    "good": "32",
}

GAP: Final = 3
"""Spaces between the pieces of a line."""
HANG: Final = 4
"""How much further the continuation of a line is indented."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one style.

    Attributes:
        text: What to show.
        style: How; empty for plain.
        gap: Spaces between the piece before and this one, where :meth:`Page.flow` joins them.
        whole: Never broken or shortened: a path, which a terminal makes a link of.
    """

    text: str
    style: str = ""
    gap: int = GAP
    whole: bool = False


class Page:
    """Collects lines.  Cleans all that it is given: nothing else writes control characters."""

    def __init__(self, *, color: bool, width: int, unicode: bool) -> None:
        """Start an empty page of at least the smallest width."""
        self.color = color
        self.width = max(MIN_WIDTH, width)
        self.unicode = unicode
        self.ellipsis = "…" if unicode else "..."
        self.bar = "│" if unicode else "|"
        self.arrow = "←" if unicode else "<-"
        self.dot = "·" if unicode else "."
        self._lines: list[str] = []

    def text(self) -> str:
        """Return all lines, each ended with a newline."""
        return "".join(line + "\n" for line in self._lines)

    def clean(self, text: str) -> str:
        """Make a quoted text harmless."""
        return clean(text, unicode=self.unicode)

    def name(self, text: str, width: int) -> str:
        """Make a quoted name harmless and short."""
        # Cut first: escaping a megabyte only to throw it away would take its time.
        return shorten(self.clean(text[: 4 * width]), width, self.ellipsis)

    def wrap(self, text: str, width: int) -> list[str]:
        """Break a sentence into lines."""
        return wrap(text, width, unicode=self.unicode)

    def line(self, *pieces: Piece) -> None:
        """Add one line as it is; the gaps of the pieces do not count."""
        parts = [(self.clean(piece.text), piece.style) for piece in pieces]
        while parts and not parts[-1][0].rstrip():
            parts.pop()
        if parts:
            parts[-1] = (parts[-1][0].rstrip(), parts[-1][1])
        self._lines.append("".join(self._paint(text, style) for text, style in parts))

    def blank(self) -> None:
        """Add an empty line."""
        self._lines.append("")

    def flow(self, *pieces: Piece, indent: int) -> None:
        """Add the pieces on one line if they fit, and on more, indented further, if not."""
        line = [Piece(" " * indent)]
        used = start = indent
        for piece in pieces:
            # Padding is kept where the line goes on and does not count where it ends.
            parts = [self.clean(piece.text)]
            if not piece.whole and display_width(parts[0].rstrip()) > self.width - indent - HANG:
                parts = self.wrap(piece.text, self.width - indent - HANG)
            for position, part in enumerate(parts):
                gap = piece.gap if used > start else 0
                if position or used + gap + display_width(part.rstrip()) > self.width:
                    if used > start:
                        self.line(*line)
                    used = start = indent + HANG
                    line, gap = [Piece(" " * start)], 0
                line += [Piece(" " * gap), Piece(part, piece.style)]
                used += gap + display_width(part)
        self.line(*line)

    def paragraph(self, text: str, *, indent: int, label: str = "", style: str = "") -> None:
        """Add a sentence; a label stands before its first line."""
        hang = indent + (len(label) if label else 0)
        for number, part in enumerate(self.wrap(text, self.width - hang)):
            before = label if not number else " " * len(label)
            self.line(Piece(" " * indent), Piece(before, "dim"), Piece(part, style))

    def _paint(self, text: str, style: str) -> str:
        code = _STYLES.get(style)
        if not self.color or code is None or not text.strip():
            return text
        return f"\x1b[{code}m{text}\x1b[0m"
