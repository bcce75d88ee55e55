"""The timeline of a run as a part of an HTML page: for a script, and as a table without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raceway.report.html_text import html_text
from raceway.report.run_timeline import Timeline, script_text

if TYPE_CHECKING:
    from raceway.model.findings import Report
    from raceway.report.run_timeline import Row

_SCALE: Final = (
    "From left to right is the order in which it was recorded, not time: the recording counts"
    " operations."
)


def timeline_section(report: Report, root: str) -> str:
    """Render the timeline; nothing if the report has no trace of the run.

    Args:
        report: What to show.
        root: Folder to which paths below it are shown relative, or an empty string.
    """
    if report.run_trace is None or not report.run_trace.events:
        return ""
    timeline = Timeline(report, root)
    return (
        '<section id="timeline">\n<h2>What happened</h2>\n'
        f"<p>{_SCALE}</p>\n<race-timeline>\n"
        f'<script type="application/json">{script_text(timeline.document())}</script>\n'
        f"{timeline_table(timeline)}</race-timeline>\n</section>\n"
    )


def timeline_table(timeline: Timeline) -> str:
    """Render what is around the findings, or the latest, as a table."""
    rows = timeline.rows()
    around = any(row.finding for row in rows)
    which = "what is around the findings" if around else "the latest"
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("order", "who", "what", "value", "place", "locks held", "finding")
    )
    return (
        f'<details class="timeline-table" open><summary>As a table: {which}, {len(rows)}'
        " events</summary>\n"
        '<div class="wide" tabindex="0" role="region" aria-label="What happened">\n'
        f"<table>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{''.join(map(_row, rows))}</tbody>\n</table>\n</div>\n</details>\n"
    )


def _row(row: Row) -> str:
    part = ' class="part"' if row.finding else ""
    place = f"<code>{html_text(row.place)}</code>" if row.place else ""
    cells = (
        f"{row.at:,}", html_text(row.who), html_text(row.what), html_text(row.value), place,
        html_text(row.locks), html_text(row.finding),
    )  # fmt: skip
    return f"<tr{part}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"
