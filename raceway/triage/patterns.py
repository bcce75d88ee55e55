"""Patterns for names of variables and functions.

``*`` stands for any text, ``?`` for one character.  Brackets are what they are: names of variables
have them (``stock['apple']``), so that ``fnmatch`` would not do.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from raceway.report.excerpt import user_frames
from raceway.triage.qualified import qualified_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raceway.model.findings import Access, Finding, Frame


def matches(pattern: str, name: str) -> bool:
    """Tell whether the whole name is what the pattern describes.

    Example:
        >>> matches("stock[*].count", "stock['apple'].count")
        True
    """
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(char) or re.escape(char) for char in pattern)
    return re.fullmatch(expression, name, re.DOTALL) is not None


def variable_names(finding: Finding) -> list[str]:
    """Return the name of the variable; of a lock-order inversion those of its locks."""
    return [finding.variable] if finding.variable else [lock.name for lock in finding.locks]


def function_names(finding: Finding, root: str) -> set[str]:
    """Return the names by which the functions of the accesses can be called.

    Args:
        finding: What was found.
        root: The folder of the program.
    """
    return {
        name
        for access in finding.accesses
        for frame in top_frames(access, root)
        for name in _names(frame)
    }


def top_frames(access: Access, root: str) -> list[Frame]:
    """Return where the access was made; if that is in a library, also the caller in the program."""
    frames = list(access.stack[:1])
    own = user_frames(access.stack, root)
    if own and own[0][0] not in frames:
        frames.append(own[0][0])
    return frames


def _names(frame: Frame) -> Iterable[str]:
    """Yield ``Cache.get``, ``cache.Cache.get``, ``shop.cache.Cache.get`` and so on.

    Where in the path the package begins is not known, so it may begin anywhere.
    """
    function = qualified_name(frame)
    yield function
    parts = os.path.splitext(frame.file)[0].replace("\\", "/").split("/")
    if parts[-1] == "__init__":
        parts.pop()
    name = function
    for part in reversed(parts):
        if not part:
            return
        name = f"{part}.{name}"
        yield name
