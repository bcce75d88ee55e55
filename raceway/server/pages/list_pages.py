"""Variables, runs and services."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from raceway.server.answers import Refusal
from raceway.server.pages.graph import Edge, Node, draw
from raceway.server.pages.rendering import MILLION, ago, link, timeline_link, when
from raceway.server.service_routes import ServiceReader

if TYPE_CHECKING:
    from starlette.responses import Response

    from raceway.server.pages.rendering import Renderer

_SCOPES = 20


class ListPages:
    """Renders pages that are mostly tables.

    Args:
        renderer: Of the server.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._services = ServiceReader(renderer.context)

    # ------------------------------------------------------------ variables

    def variables(self) -> Response:
        """Return the page of variables."""
        store = self._renderer.context.findings
        found = {
            row["variable"]: row["count"]
            for row in store.ask(
                "SELECT variable, count(*) AS count FROM finding WHERE variable != ''"
                " GROUP BY variable"
            )
        }
        rows = [
            (link(one["name"], "/variable", name=one["name"]), found.get(one["name"], 0),
             one["reads"], one["writes"], one["actors"], one["traces"],
             ", ".join(one["services"]), one["scope"], ago(one["last"]))
            for one in self._renderer.own.variables()
        ]  # fmt: skip
        heads = [
            "variable", "findings", "reads", "writes", "actors", "traces", "services", "run", "last"
        ]  # fmt: skip
        return self._renderer.list(
            "/variables", "Variables", {"heads": heads, "rows": rows},
            lead="What several actors share stands first. What has no run is one thing for all.",
        )  # fmt: skip

    def variable(self, name: str) -> Response:
        """Return the page of one variable: who has accessed it, under which locks."""
        found = self._renderer.own.variables(name)
        if not found:
            raise Refusal("Variable not found", 404)
        findings = self._renderer.context.findings.findings("variable = ?", name)
        places = {
            access["location"] for one in findings for access in one["accesses"]
        }  # where it races
        sections: list[dict[str, Any]] = [{"title": "Findings", "findings": findings}]
        for one in found[:_SCOPES]:
            where = f" in {one['scope']}" if one["scope"] else ""
            sections += [
                {"title": f"Under which locks{where}", "heads": _LOCK_HEADS,
                 "rows": self._under_locks(one["accesses"])},
                {"title": f"Audit trail{where}: the latest accesses", "heads": _TRAIL_HEADS,
                 "rows": [self._entry(entry, places) for entry in one["accesses"]]},
            ]  # fmt: skip
        reads, writes = (sum(one[word] for one in found) for word in ("reads", "writes"))
        return self._renderer.list(
            "/variables", name, *sections, code=True,
            lead=f"{reads:,} reads and {writes:,} writes by"
            f" {max(one['actors'] for one in found):,} actors",
        )  # fmt: skip

    def _under_locks(self, accesses: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        """Return who reads and writes under which locks; who holds none stands first."""
        counts: dict[tuple[str, ...], list[Any]] = defaultdict(lambda: [0, 0, set(), set()])
        for entry in accesses:
            row = counts[tuple(entry["locks"])]
            row[entry["access"] == "write"] += 1
            row[2].add(entry["actor"])
            row[3].add(self._renderer.short(entry["location"]))
        return [
            (", ".join(locks) or "no lock", reads, writes, _some(actors), _some(places))
            for locks, (reads, writes, actors, places) in sorted(counts.items())
        ]

    def _entry(self, entry: dict[str, Any], places: set[str]) -> tuple[Any, ...]:
        value = repr(entry["value"]) if entry["has_value"] else ""
        races = {"text": "races here", "class": "lost"} if entry["location"] in places else ""
        return (
            when(entry["time"]), entry["operation"], value, entry["actor"],
            self._renderer.short(entry["location"]), ", ".join(entry["locks"]), races,
            link(entry["trace"][:8], f"/traces/{entry['trace']}"),
        )  # fmt: skip

    # ------------------------------------------------------------ runs

    def runs(self, before: str, after: str, run: str) -> Response:
        """Return the page of runs, or what differs between two.

        Args:
            before: The run to compare with, or an empty string.
            after: The run that is compared, or an empty string.
            run: A run whose findings are shown, or an empty string.
        """
        own = self._renderer.own
        runs = own.runs()
        names = [one["id"] for one in runs]
        sections: list[dict[str, Any]] = []
        lead = ""
        if before and after:
            found = own.compare(before, after)
            told = [("New", "new"), ("Regressed: an earlier run had it, too", "regressed"),
                    ("Known", "known"), ("Fixed, or not seen", "gone")]  # fmt: skip
            sections += [
                {"title": f"{title} ({len(found[key])})", "findings": found[key]}
                for title, key in told
            ]
            lead = f"What {after} has found, compared with {before}"
        if run:
            sections.append({"title": f"Findings of {run}", "findings": own.findings({"run": run})})
        rows = [
            (link(one["id"], "/runs", run=one["id"]), one["environment"], one["language"],
             one["events"], one["findings"], timeline_link("timeline", run=one["id"]),
             ago(one["last"]))
            for one in runs
        ]  # fmt: skip
        heads = ["run", "environment", "language", "events", "findings", "", "last"]
        sections.append({"title": "Runs", "heads": heads, "rows": rows})
        compare = (
            {"runs": names, "before": before or names[-1], "after": after or names[0]}
            if names
            else None
        )
        return self._renderer.list("/runs", "Runs", *sections, compare=compare, lead=lead)

    # ------------------------------------------------------------ services

    def services(self) -> Response:
        """Return the page of services."""
        events = self._renderer.context.events
        health = {one["name"]: one["status"] for one in self._services.health(_A_WEEK)}
        rows = [
            (link(name, "/service", name=name), health.get(name, "quiet"), count, traces, ago(last))
            for name, count, traces, last in events.services()
        ]
        calls = list(events.calls())
        hot = self._services.hotspots()["top_variables"]
        heads = ["service", "activity", "events", "traces", "last"]
        return self._renderer.list(
            "/services", "Services",
            {"title": "Services", "heads": heads, "rows": rows},
            {"title": "Who calls whom", "svg": _map(calls), "heads": _CALL_HEADS, "rows": calls},
            {"title": "Used most", "heads": ["variable", "accesses", "traces"], "rows": [
                (link(one["variable"], "/variable", name=one["variable"]), one["access_count"],
                 one["trace_count"]) for one in hot]},
        )  # fmt: skip

    def service(self, name: str) -> Response:
        """Return the page of one service."""
        context = self._renderer.context
        total, traces = context.events.service_traces(name, 1, 50)
        if not total:
            raise Refusal("Service not found", 404)
        calls = list(context.events.calls(name))
        operations = [
            (row["kind"], row["count"], row["timed"],
             f"{row['total'] / row['timed'] / MILLION:.2f} ms" if row["timed"] else "",
             f"{row['longest'] / MILLION:.2f} ms" if row["timed"] else "")
            for row in context.findings.ask(
                "SELECT * FROM operation WHERE service = ? ORDER BY count DESC LIMIT 50", name
            )
        ]  # fmt: skip
        rows = [
            (link(one.id[:8], f"/traces/{one.id}"), one.events, ", ".join(one.services),
             f"{(one.last - one.first) / MILLION:.1f} ms", when(one.first))
            for one in traces
        ]  # fmt: skip
        return self._renderer.list(
            "/services", name,
            {"title": "Findings", "findings": self._renderer.own.findings({"service": name})},
            {"title": "Who calls whom", "svg": _map(calls), "heads": _CALL_HEADS, "rows": calls},
            {"title": "What it does", "rows": operations,
             "heads": ["event", "count", "timed", "on average", "longest"]},
            {"title": "Latest traces", "rows": rows,
             "heads": ["trace", "events", "services", "duration", "begun"]},
            lead=f"{total:,} traces",
        )  # fmt: skip


_A_WEEK = 7 * 24 * 60
_LOCK_HEADS = ["locks held", "reads", "writes", "actors", "places"]
_TRAIL_HEADS = ["time", "access", "value", "actor", "place", "locks", "", "trace"]
_CALL_HEADS = ["from", "to", "calls", "traces"]


def _some(names: set[str]) -> str:
    shown = sorted(names)[:4]
    return ", ".join(shown) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _map(calls: list[tuple[str, str, int, int]]) -> Markup:
    """Draw which service calls which."""
    nodes = {
        name: Node(name, "", link("", "/service", name=name)["href"])
        for call in calls
        for name in call[:2]
    }
    edges = [Edge(one, two, f"{count:,}") for one, two, count, _ in calls]
    return Markup(draw(nodes, edges, "Which service calls which"))  # noqa: S704 - escaped there
