"""Quoted text in HTML."""

from __future__ import annotations

from html import escape
from typing import Final

from raceway.report.terminal import clean

_LONGEST: Final = 1000


def html_text(text: str) -> str:
    """Make a quoted text harmless, for content and attributes.

    Example:
        >>> html_text("a<b")
        'a&lt;b'
    """
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return escape(clean(shown, unicode=True))
