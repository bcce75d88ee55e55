"""How far the analysis is when the program has ended: told if it takes long, ended if wished."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from raceway_autopatch.rundir import say

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 2.0
"""Seconds for which nothing is said."""
_EVERY = 0.5
_LONG = 30.0
_HINT = "Ctrl-C: report now"


class Progress:
    """Tells on stderr what is left to analyse.

    On a terminal that is a line which is written again and again and taken away in the end;
    elsewhere it is said every half minute.

    Args:
        quiet: Say nothing.

    Attributes:
        interrupted: Set it to end the analysis at the next look.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.interrupted = False
        self._quiet = quiet
        self._shown = 0
        self._begun = time.monotonic()
        self._on_terminal = _is_terminal()
        self._next = self._begun + (PATIENCE if self._on_terminal else _LONG)

    def go_on(self, backlog: Callable[[], int]) -> bool:
        """Tell whether the analysis is to go on.

        Args:
            backlog: Returns how many operations are left, about.
        """
        now = time.monotonic()
        if now >= self._next and not self._quiet and not self.interrupted:
            left = backlog()
            self._next = now + (_EVERY if self._on_terminal else _LONG)
            self._show(f"raceway: analysing, {left:,} operations left ({_HINT})")
        return not self.interrupted

    def clear(self) -> None:
        """Take away the line on the terminal."""
        if self._shown:
            say("\r" + " " * self._shown + "\r")
            self._shown = 0

    def _show(self, text: str) -> None:
        if self._on_terminal:
            shown = text[: _columns() - 1]  # a line that goes on below cannot be taken away
            say("\r" + shown.ljust(self._shown))
            self._shown = len(shown)
        else:
            say(text + "\n")


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (AttributeError, OSError, ValueError):
        return 80


def _is_terminal() -> bool:
    try:
        return bool(sys.stderr.isatty())
    except (AttributeError, OSError, ValueError):  # none, or closed
        return False
