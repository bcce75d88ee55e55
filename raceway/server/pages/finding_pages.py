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


def _grouped(findings: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Put findings on one variable, or on the items of one container, together.

    One bug mostly shows in several pairs of places: each is a finding of its own, and all of them
    are mended together.

    Args:
        findings: Findings, the worst first.

    Returns:
        The name of what each group has in common, and its findings; in the order of the first.
    """
    groups: dict[str, tuple[str, list[dict[str, Any]]]] = {}
    for one in findings:
        name = one["variable"].partition("[")[0]
        groups.setdefault(name or one["id"], (name, []))[1].append(one)
    return list(groups.values())


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
        found = self._renderer.own.findings(chosen)
        return self._renderer.render(
            "findings.html", "/", findings=found, groups=_grouped(found), chosen=chosen,
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
