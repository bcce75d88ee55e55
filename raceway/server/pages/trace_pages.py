"""The list of traces, and the page of one: its tree, its critical path, what was unusual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raceway.server.observations import describe, duration_of, location_of
from raceway.server.pages.rendering import MILLION, link, when
from raceway.server.trace_analysis import by_time
from raceway.server.trace_routes import TraceReader

if TYPE_CHECKING:
    from starlette.responses import Response

    from raceway.server.event_reader import Stored
    from raceway.server.pages.rendering import Renderer

_SHOWN = 500
_DEEPEST = 12


class TracePages:
    """Renders traces.

    Args:
        renderer: Of the server.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._traces = TraceReader(renderer.context)

    def traces(self, page: int, size: int) -> Response:
        """Return one page of the list."""
        total, found = self._renderer.context.events.traces(page, size, 0)
        rows = [
            (link(one.id[:8], f"/traces/{one.id}"), one.events, ", ".join(one.services),
             f"{(one.last - one.first) / MILLION:.1f} ms", when(one.first))
            for one in found
        ]  # fmt: skip
        further = []
        if page > 1:
            further.append(("newer", f"/traces?page={page - 1}"))
        if page * size < total:
            further.append(("older", f"/traces?page={page + 1}"))
        heads = ["trace", "events", "services", "duration", "begun"]
        return self._renderer.list(
            "/traces", "Traces", {"heads": heads, "rows": rows}, pages=further,
            lead=f"{total:,} traces, newest first",
        )  # fmt: skip

    def trace(self, text: str, found: bytes) -> Response:
        """Return the page of one trace.

        Args:
            text: Its id.
            found: The same, as bytes.
        """
        events = self._traces.events(found)
        whole = self._traces.whole(text, found)
        path = whole["critical_path"]
        on_path = {step.id for step in path.path} if path else set()
        unusual = {one.event_id: one for one in whole["anomalies"]}
        first = min(event.time for event in events)
        total = max(max(event.time + _took(event) for event in events) - first, 1)
        rows = [
            {
                "depth": min(depth, _DEEPEST), "what": _what(event),
                "at": f"+{(event.time - first) / MILLION:.3f} ms",
                "x": round(100 * (event.time - first) / total, 2),
                "width": round(100 * _took(event) / total, 2),
                "critical": event.id in on_path, "odd": unusual.get(event.id),
                "thread": event.event.metadata.thread_id,
                "service": event.event.metadata.service_name,
                "place": self._place(location_of(event)),
            }
            for depth, event in _tree(events)[:_SHOWN]
        ]  # fmt: skip
        longest = max((step.duration_ms for step in path.path), default=0) if path else 0
        steps = [
            (step.kind,
             {"bar": 100 * step.duration_ms / longest if longest else 0,
              "text": f"{step.duration_ms:.3f} ms"},
             self._place(step.location))
            for step in (path.path[:_SHOWN] if path else ())
        ]  # fmt: skip
        return self._renderer.render(
            "trace.html", "/traces", trace=text, rows=rows, total=len(events),
            took=f"{total / MILLION:.3f} ms", path=path, steps=steps,
            findings=self._renderer.context.findings.of_trace(text),
            anomalies=whole["anomalies"], calls=self._calls(whole),
        )  # fmt: skip

    def _place(self, location: str) -> str:
        return "" if location == "unknown" else self._renderer.short(location)

    @staticmethod
    def _calls(whole: dict[str, Any]) -> list[tuple[str, str, int]]:
        return [
            (one["from"], one["to"], one["call_count"])
            for one in whole["dependencies"]["dependencies"]
        ]


def _what(event: Stored) -> str:
    """Return what an event is, with the name of the task that it is about."""
    name = event.event.metadata.tags.get("task_name")
    return (
        f"{describe(event)}({name})" if name and event.kind.startswith("Async") else describe(event)
    )


def _took(event: Stored) -> int:
    return min(duration_of(event) or 0, 1 << 53)


def _tree(events: list[Stored]) -> list[tuple[int, Stored]]:
    """Return the events so that each follows its parent, with how deep it is."""
    ordered = by_time(events)
    known = {event.id for event in ordered}
    children: dict[str, list[Stored]] = {}
    for event in ordered:
        parent = event.parent if event.parent in known and event.parent != event.id else ""
        children.setdefault(parent, []).append(event)
    found: list[tuple[int, Stored]] = []
    seen: set[str] = set()
    # Who is in a circle of parents has no root; it is shown nevertheless.
    for root in (*children.get("", ()), *ordered):
        waiting = [(0, root)]
        while waiting:
            depth, event = waiting.pop()
            if event.id in seen:
                continue
            seen.add(event.id)
            found.append((depth, event))
            waiting += [(depth + 1, child) for child in reversed(children.get(event.id, ()))]
    return found
