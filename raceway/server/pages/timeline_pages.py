"""The page with a timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from markupsafe import Markup

from raceway.report.html_timeline import timeline_table
from raceway.server.timelines import QUESTIONS

if TYPE_CHECKING:
    from starlette.responses import Response

    from raceway.server.pages.rendering import Renderer
    from raceway.server.timelines import TimelineReader


class TimelinePages:
    """Renders timelines.

    Args:
        renderer: Of the server.
        reader: Puts them together.
    """

    def __init__(self, renderer: Renderer, reader: TimelineReader) -> None:
        self._renderer = renderer
        self._reader = reader

    def timeline(self, chosen: dict[str, str], focus: str) -> Response:
        """Return the page; without a question that of the latest run.

        Args:
            chosen: As for :meth:`TimelineReader.report`.
            focus: Fingerprint of the finding to begin with, or an empty string.
        """
        runs = [one["id"] for one in self._renderer.own.runs()]
        what = next((name for name in QUESTIONS if chosen.get(name)), "")
        if not what:
            if not runs:
                return self._renderer.render(
                    "timeline.html", "/timeline", runs=[], what="", table="", query=""
                )
            what, chosen = "run", {"run": runs[0]}
        timeline = self._reader.timeline(chosen)
        of = chosen[what]
        return self._renderer.render(
            "timeline.html", "/timeline", runs=runs, what=what, of=of,
            query=urlencode({what: of}), focus=of if what == "finding" else focus,
            empty=timeline.is_empty,
            table=Markup(timeline_table(timeline)),  # noqa: S704 - escaped there
        )  # fmt: skip
