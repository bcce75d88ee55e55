"""The list of findings, and the page of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from starlette.responses import PlainTextResponse

from raceway.model.findings import SEVERITIES, Report
from raceway.report.html_report import finding_body
from raceway.report.markdown import render_markdown
from raceway.report.rules import RULES
from raceway.server.finding_model import finding_of
from raceway.server.findings_store import STATUSES

if TYPE_CHECKING:
    from starlette.responses import Response

    from raceway.server.pages.rendering import Renderer

_FILTERS = ("status", "severity", "type", "certainty", "service")


class FindingPages:
    """Renders findings.

    Args:
        renderer: Of the server.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def findings(self, chosen: dict[str, str], url: str, base: str) -> Response:
        """Return the page of all findings.

        Args:
            chosen: Values of filters, by name.
            url: Of this page with its filters.
            base: Address of the server.
        """
        context = self._renderer.context
        events, _ = context.events.totals()
        services = [name for name, *_ in context.events.services()][:200]
        counts = context.findings.counts()
        names: dict[str, Any] = {
            "status": STATUSES, "severity": SEVERITIES[::-1], "service": services,
            "type": [rule.type for rule in RULES], "certainty": ("observed", "predicted"),
        }  # fmt: skip
        choices = [
            (name, [(value, counts.get((name, value), 0)) for value in names[name]])
            for name in _FILTERS
        ]
        return self._renderer.render(
            "findings.html", "/", findings=self._renderer.own.findings(chosen), chosen=chosen,
            url=url, choices=choices, filtered=any(chosen.values()), events=events, base=base,
        )  # fmt: skip

    def finding(self, finding_id: str) -> Response:
        """Return the page of one finding."""
        one = self._renderer.own.finding(finding_id)
        model = finding_of(one)
        body = finding_body(model, root=self._renderer.root, read_line=self._renderer.sources.line)
        return self._renderer.render(
            "finding.html", "/", one=one, statuses=STATUSES,
            body=Markup(body),  # noqa: S704 - escaped there
        )  # fmt: skip

    def markdown(self, finding_id: str) -> Response:
        """Return one finding as Markdown."""
        found = finding_of(self._renderer.own.finding(finding_id))
        text = render_markdown(
            Report(findings=(found,)), root=self._renderer.root,
            read_line=self._renderer.sources.line,
        )  # fmt: skip
        return PlainTextResponse(text, media_type="text/markdown")
