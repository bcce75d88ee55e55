"""Style and script that the HTML report and the pages of the server share.

The report has them within itself, in one piece; the server serves each file.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

REPORT_STYLE: Final = "html_report.css"
REPORT_SCRIPT: Final = "html_report.js"
TIMELINE_STYLE: Final = "timeline.css"
TIMELINE_SCRIPTS: Final = ("timeline_model.js", "timeline_view.js", "race_timeline.js")
"""In the order in which they have to be run."""


def asset(*names: str) -> str:
    """Return files of this package, one after the other.

    Args:
        names: Names of the files.
    """
    folder = files("raceway.report")
    return "".join(folder.joinpath(name).read_text("utf-8") for name in names)
