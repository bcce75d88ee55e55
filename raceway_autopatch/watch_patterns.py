"""What ``--watch`` asks for: patterns, and what they match.

A pattern is ``MODULE:NAME``.  Both may contain ``*`` and ``?``; ``MODULE`` alone stands for all
names in it, and ``auto`` for ``*:*`` within a budget.  A module part that begins with a wildcard
means the modules of the application only: files below the working directory that nobody installed.
"""

from __future__ import annotations

import os
import re
import sys

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Iterable

AUTO = "auto"
_SHAPE = re.compile(r"[\w.*?]+(:[\w*?]+)?")
_WILD = re.compile(r"[*?]")
_INSTALLED = frozenset({"site-packages", "dist-packages", "node_modules", "__pypackages__"})


def split(text: str) -> tuple[str, ...]:
    """Return the patterns in the value of ``RACEWAY_WATCH``, each of them once."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def problem(pattern: str) -> str:
    """Return what is wrong with a pattern, with the remedy; an empty string if nothing is."""
    if pattern == AUTO:
        return ""
    if "/" in pattern or pattern.endswith(".py"):
        return "it is a path; give the module, such as shop.models:Account"
    parts = pattern.partition(":")[0].split(".")
    if not _SHAPE.fullmatch(pattern) or not all(parts) or any(part[0].isdigit() for part in parts):
        return "give MODULE:NAME, such as shop.models:Account or 'shop.*:*Repository', or auto"
    return ""


def complain(text: str) -> None:
    """Say which of the patterns in the value of ``RACEWAY_WATCH`` are passed over, and why."""
    from raceway_autopatch.rundir import say

    for pattern in split(text):
        if problem(pattern):
            say(f"raceway: RACEWAY_WATCH {pattern!r} is passed over: {problem(pattern)}\n")


class Pattern:
    """One pattern.

    Attributes:
        text: As it was given.
        exact: It names one thing: all that can be done with it is recorded.
        bounded: Only as many objects are recorded as the budget allows.
    """

    __slots__ = ("_everywhere", "_module", "_name", "bounded", "exact", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.bounded = text == AUTO
        module, _, name = ("*:*" if self.bounded else text).partition(":")
        self.exact = bool(name) and not _WILD.search(name)
        self._everywhere = module[0] not in "*?"
        self._module = _compiled(module)
        self._name = _compiled(name or "*")

    def covers(self, modules: Iterable[str], *, own: bool) -> bool:
        """Return whether names in a module may be meant.

        Args:
            modules: The names that the module goes by.
            own: It is one of the application's.
        """
        return (own or self._everywhere) and any(map(self._module.fullmatch, modules))

    def names(self, name: str) -> bool:
        """Return whether a name in such a module is meant."""
        return bool(self._name.fullmatch(name))


def _compiled(wildcards: str) -> re.Pattern[str]:
    # Not fnmatch: it would be imported at the start of every process.
    return re.compile(re.escape(wildcards).replace(r"\*", ".*").replace(r"\?", "."))


def working_directory() -> str:
    """Return its path without links; an empty string if it was removed."""
    try:
        return os.path.realpath(os.getcwd())
    except OSError:
        return ""


def is_own(path: str, root: str) -> bool:
    """Return whether a file belongs to the application below ``root``, and was not installed."""
    path = os.path.realpath(path)
    if not root or not path.startswith(root.rstrip(os.sep) + os.sep):
        return False
    folders = os.path.dirname(os.path.relpath(path, root)).split(os.sep)
    if not _INSTALLED.isdisjoint(folders):
        return False
    for prefix in {sys.prefix, sys.base_prefix}:
        library = os.path.realpath(os.path.join(prefix, "lib"))
        if path.startswith(library + os.sep):
            return False
    folder = root
    for name in folders:
        folder = os.path.join(folder, name)
        if os.path.exists(os.path.join(folder, "pyvenv.cfg")):
            return False
    return True
