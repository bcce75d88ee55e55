"""Suppressions in the code: ``# raceway: ignore[reason]`` on the line of an access."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from raceway.model.findings import Suppression
from raceway.report.excerpt import shown_path
from raceway.triage.patterns import top_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.model.findings import Finding

    ReadLine = Callable[[str, int], str | None]

_COMMENT: Final = re.compile(r"#\s*raceway:\s*ignore\b(?:\[((?:[^][]|\[[^][]*\])*)\])?")
_MAX_LINES: Final = 20
"""Lines of one expression that are looked at."""


def comment_on(
    finding: Finding, root: str, read_line: ReadLine
) -> tuple[Suppression | None, list[str]]:
    """Look for a comment on the lines of the accesses.

    Args:
        finding: What was found.
        root: The folder of the program.
        read_line: Returns a line of a source file, or None.

    Returns:
        The suppression, if there is one, and a sentence for each comment that does not count.
    """
    problems: list[str] = []
    for access in finding.accesses:
        for frame in top_frames(access, root):
            last = min(frame.end_line or frame.line, frame.line + _MAX_LINES)
            for number in range(frame.line, max(frame.line, last) + 1):
                found = _COMMENT.search(_read(read_line, frame.file, number))
                if found is None:
                    continue
                by = f"{shown_path(frame.file, root)}:{number}"
                reason = (found[1] or "").strip()
                if reason:
                    return Suppression(reason, by), []
                problems.append(
                    f"{by}: the comment does not count without a reason:"
                    " write # raceway: ignore[why it does no harm]"
                )
    return None, problems


def _read(read_line: ReadLine, file: str, number: int) -> str:
    try:
        return read_line(file, number) or ""
    except Exception:  # as for excerpts: what cannot be read says nothing
        return ""
