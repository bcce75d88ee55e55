"""Which formats a report has, by the names of files.

It imports next to nothing: ``raceway-run`` asks before the program starts.
"""

from __future__ import annotations

import os

RUN_TRACE = ".trace.json"
"""How names end of files that show the whole run."""
FORMATS = (".html", ".json", ".md", ".sarif", RUN_TRACE, ".txt", ".xml")

_OF_THE_RUN = (RUN_TRACE, ".html")


def shows_run(path: str | os.PathLike[str]) -> bool:
    """Tell whether a report shows what happened: the analysis has to keep it then.

    Example:
        >>> shows_run("a/Report.HTML"), shows_run("report.json")
        (True, False)
    """
    return os.fspath(path).lower().endswith(_OF_THE_RUN)


def report_format(path: str | os.PathLike[str]) -> str:
    """Return the suffix that decides about the format, in lower case.

    Call it before the program runs: nobody wants to learn after an hour that the report cannot
    be written.

    Args:
        path: Where the report is to be written, for example ``report.json``.

    Raises:
        ValueError: No format has this suffix.

    Example:
        >>> report_format("a/Report.HTML"), report_format("run.trace.json")
        ('.html', '.trace.json')
    """
    name = os.path.basename(os.fspath(path)).lower()
    suffix = RUN_TRACE if name.endswith(RUN_TRACE) else os.path.splitext(name)[1]
    if suffix not in FORMATS:
        *others, last = FORMATS
        known = f"{', '.join(others)} or {last}"
        message = f"cannot write a report to {os.fspath(path)!r}: the name must end in {known}"
        raise ValueError(message)
    return suffix
