"""``/api/v1``: what upstream's API has no word for; and the live stream."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import StreamingResponse
from starlette.routing import Route

from raceway.server import parameters
from raceway.server.answers import Refusal, success
from raceway.server.context import in_thread
from raceway.server.findings_store import STATUSES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from raceway.server.context import ServerContext

_EVERY: Final = 0.25  # seconds
_ALIVE_EVERY: Final = 60
_STORED_EVERY: Final = 8
_MOST_BODY: Final = 64 * 1024
_FILTERS: Final = ("status", "severity", "type", "certainty")


class StatusChange(msgspec.Struct):
    """A new status of a finding."""

    status: str
    reason: str = ""


class OwnReader:
    """Reads what ``/api/v1`` shows.

    Args:
        context: Of the server.
    """

    def __init__(self, context: ServerContext) -> None:
        self._store = context.findings
        self._context = context

    def findings(self, chosen: dict[str, str]) -> list[dict[str, Any]]:
        """Return findings.

        Args:
            chosen: Values of columns, and ``service``, ``run`` and ``q``, a part of a text.
        """
        conditions, values = [], []
        for name in _FILTERS:
            if chosen.get(name):
                conditions.append(f"{name} = ?")
                values.append(chosen[name])
        if chosen.get("service"):
            conditions.append("EXISTS (SELECT 1 FROM json_each(services) WHERE value = ?)")
            values.append(chosen["service"])
        if chosen.get("run"):
            conditions.append("id IN (SELECT finding FROM run_finding WHERE run = ?)")
            values.append(chosen["run"])
        if chosen.get("q"):
            conditions.append("instr(lower(document), lower(?)) > 0")
            values.append(json.dumps(chosen["q"])[1:-1])
        return self._store.findings(" AND ".join(conditions), *values)

    def finding(self, finding_id: str) -> dict[str, Any]:
        """Return a finding with where it was seen.

        Raises:
            Refusal: There is none.
        """
        found = self._store.finding(finding_id)
        if found is None:
            raise Refusal("Finding not found", 404)
        found["sightings"] = self._store.sightings(finding_id)
        found["runs"] = self._store.ask(
            "SELECT run, count FROM run_finding WHERE finding = ? ORDER BY run", finding_id
        )
        return found

    def runs(self) -> list[dict[str, Any]]:
        """Return the processes that have sent events, newest first."""
        return self._store.ask(
            "SELECT run.*, (SELECT count(*) FROM run_finding WHERE run = run.id) AS findings"
            " FROM run ORDER BY last DESC, id LIMIT 1000"
        )

    def compare(self, before: str, after: str) -> dict[str, Any]:
        """Return the findings of one run that another one has not, and the other way round.

        What an earlier run than ``before`` had found, and ``before`` had not, is regressed.
        """
        both = {}
        for run in (before, after):
            if not self._store.ask("SELECT 1 FROM run WHERE id = ?", run):
                raise Refusal(f"Run {run[:80]!r} not found", 404)
            both[run] = {one["id"]: one for one in self.findings({"run": run})}
        old, new = both[before], both[after]
        earlier = {
            row["finding"]
            for row in self._store.ask(
                "SELECT DISTINCT finding FROM run_finding JOIN run ON run.id = run_finding.run"
                " WHERE run.last < (SELECT last FROM run WHERE id = ?)",
                before,
            )
        }
        fresh = {key: one for key, one in new.items() if key not in old}
        return {
            "before": before,
            "after": after,
            "new": [one for key, one in fresh.items() if key not in earlier],
            "regressed": [one for key, one in fresh.items() if key in earlier],
            "known": [one for key, one in new.items() if key in old],
            "gone": [one for key, one in old.items() if key not in new],
        }

    def variables(self, name: str = "", limit: int = 200) -> list[dict[str, Any]]:
        """Return variables, the most shared ones first; with a name only those, with accesses."""
        rows = self._store.ask(
            "SELECT * FROM variable WHERE (?1 = '' OR name = ?1)"
            " ORDER BY actors DESC, reads + writes DESC, id LIMIT ?2",
            name,
            limit,
        )
        for row in rows:
            row["services"] = json.loads(row["services"])
            recent = json.loads(row.pop("recent"))
            if name:
                row["accesses"] = recent
                row["findings"] = [
                    one["id"] for one in self._store.findings("variable = ?", row["name"])
                ]
        return rows

    def locks(self) -> dict[str, Any]:
        """Return locks, those that several actors take first, and the order they are taken in."""
        return {
            "locks": self._store.ask(
                "SELECT * FROM lock ORDER BY actors > 1 DESC, waited DESC, held DESC, id LIMIT 500"
            ),
            "order": self._store.ask(
                "SELECT outside, inside, count, location FROM lock_order"
                " ORDER BY count DESC, outside, inside LIMIT 1000"
            ),
            "findings": [
                one["id"] for one in self._store.findings("type = 'lock-order-inversion'")
            ],
        }

    def actors(self, run: str) -> list[dict[str, Any]]:
        """Return the threads, tasks and greenlets of a run, or of all."""
        return self._store.ask(
            "SELECT * FROM actor WHERE (?1 = '' OR run = ?1) ORDER BY last DESC, id LIMIT 1000", run
        )

    def system(self) -> dict[str, Any]:
        """Return how the server is."""
        context = self._context
        kept, size = context.events.kept()
        return {
            "events_kept": kept,
            "bytes_kept": size,
            "events_waiting": context.intake.waiting,
            "last_event": context.intake.last_event,
            "problem": context.intake.problem or None,
            "analysis": context.analysis(),
            "analyser_restarts": context.analyser.restarts,
            "analyser_running": context.analyser.is_running,
        }


def own_routes(context: ServerContext) -> list[BaseRoute]:
    """Return the routes."""
    reader = OwnReader(context)

    async def findings(request: Request) -> Response:
        names = (*_FILTERS, "service", "run", "q")
        chosen = {name: request.query_params.get(name, "") for name in names}
        found = await in_thread(reader.findings, chosen)
        return success({"total_findings": len(found), "findings": found})

    async def finding(request: Request) -> Response:
        return success(await in_thread(reader.finding, request.path_params["finding_id"]))

    async def change(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MOST_BODY:
                raise Refusal("the body is too large", 413)
        try:
            wanted = msgspec.json.decode(body, type=StatusChange)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise Refusal(str(error)) from None
        if wanted.status not in STATUSES:
            raise Refusal(f"status {wanted.status[:40]!r}: give one of {', '.join(STATUSES)}")
        if wanted.status == "suppressed" and not wanted.reason.strip():
            raise Refusal("say why it is suppressed: reason")
        finding_id = request.path_params["finding_id"]
        found = await in_thread(
            context.findings.set_status, finding_id, wanted.status, wanted.reason[:1000]
        )
        if not found:
            raise Refusal("Finding not found", 404)
        return success(await in_thread(reader.finding, finding_id))

    async def runs(_request: Request) -> Response:
        return success({"runs": await in_thread(reader.runs)})

    async def compare(request: Request) -> Response:
        names = [request.query_params.get(name, "") for name in ("before", "after")]
        return success(await in_thread(reader.compare, *names))

    async def variables(request: Request) -> Response:
        limit = parameters.number(request, "limit", 200, 1, 10_000)
        name = request.query_params.get("name", "")
        return success({"variables": await in_thread(reader.variables, name, limit)})

    async def locks(_request: Request) -> Response:
        return success(await in_thread(reader.locks))

    async def actors(request: Request) -> Response:
        run = request.query_params.get("run", "")
        return success({"actors": await in_thread(reader.actors, run)})

    async def system(_request: Request) -> Response:
        return success(await in_thread(reader.system))

    async def live(request: Request) -> Response:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            _changes(context, request), media_type="text/event-stream", headers=headers
        )

    return [
        Route("/api/v1/findings", findings, name="v1_findings"),
        Route("/api/v1/findings/{finding_id}", finding, name="v1_finding"),
        Route("/api/v1/findings/{finding_id}/status", change, methods=["POST"], name="v1_status"),
        Route("/api/v1/runs", runs, name="v1_runs"),
        Route("/api/v1/runs/compare", compare, name="v1_compare"),
        Route("/api/v1/variables", variables, name="v1_variables"),
        Route("/api/v1/locks", locks, name="v1_locks"),
        Route("/api/v1/actors", actors, name="v1_actors"),
        Route("/api/v1/system", system, name="v1_system"),
        Route("/live", live, name="live"),
    ]


async def _changes(context: ServerContext, request: Request) -> AsyncIterator[str]:
    """Yield server-sent events: ``change`` whenever something was found.

    And ``stored``, every two seconds at most, when events have been analysed.
    """
    known = written = -1
    quiet = turns = 0
    yield "retry: 2000\n\n"
    while not context.closing.is_set() and not await request.is_disconnected():
        now = await in_thread(context.findings.changed)
        quiet += 1
        if now != known:
            known, quiet = now, 0
            yield f"event: change\nid: {now}\ndata: {now}\n\n"
        if turns % _STORED_EVERY == 0:
            now = await in_thread(context.findings.state, "writes")
            if now != written:
                written, quiet = now, 0
                yield f"event: stored\ndata: {written}\n\n"
        turns += 1
        if quiet >= _ALIVE_EVERY:
            quiet = 0
            yield ": alive\n\n"
        try:
            await asyncio.wait_for(context.closing.wait(), _EVERY)
        except asyncio.TimeoutError:
            continue
