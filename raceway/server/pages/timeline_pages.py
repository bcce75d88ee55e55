"""The page with a timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from markupsafe import Markup

from raceway.pipeline.run_trace import EVENTS_KEPT
from raceway.report.html_timeline import timeline_table
from raceway.server.timelines import QUESTIONS

if TYPE_CHECKING:
    from starlette.responses import Response

    from raceway.report.run_timeline import Timeline
    from raceway.server.pages.rendering import Renderer
    from raceway.server.timelines import TimelineReader

SHOWN: Final = 30_000
"""Events that are shown at first: a second of a processor."""


class TimelinePages:
    """Renders timelines.

    Args:
        renderer: Of the server.
        reader: Puts them together.
    """

    def __init__(self, renderer: Renderer, reader: TimelineReader) -> None:
        self._renderer = renderer
        self._reader = reader

    def timeline(self, chosen: dict[str, str], focus: str, most: int) -> Response:
        """Return the page; without a question that of the latest run.

        Args:
            chosen: As for :meth:`TimelineReader.report`.
            focus: Fingerprint of the finding to begin with, or an empty string.
            most: How many events, about.
        """
        runs = [one["id"] for one in self._renderer.own.runs()]
        what = next((name for name in QUESTIONS if chosen.get(name)), "")
        if not what:
            if not runs:
                return self._renderer.render(
                    "timeline.html", "/timeline", runs=[], what="", table="", query=""
                )
            what, chosen = "run", {"run": runs[0]}
        timeline = self._reader.timeline(chosen, most)
        of = chosen[what]
        return self._renderer.render(
            "timeline.html", "/timeline", runs=runs, what=what, of=of,
            query=urlencode({what: of, "limit": most}), more=self._more(timeline, what, of, most),
            focus=of if what == "finding" else focus,
            empty=timeline.is_empty,
            table=Markup(timeline_table(timeline)),  # noqa: S704 - escaped there
        )  # fmt: skip

    @staticmethod
    def _more(timeline: Timeline, what: str, of: str, most: int) -> str:
        """Return the question for more events, if there may be some."""
        whole = timeline.count < most // 2 and not timeline.omitted
        if whole or most >= EVENTS_KEPT:
            return ""
        return urlencode({what: of, "limit": EVENTS_KEPT})
