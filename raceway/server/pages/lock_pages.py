"""The page of locks: in which order they are taken, and how much they are fought over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from raceway.server.pages.graph import Edge, Node, circles, draw
from raceway.server.pages.rendering import MILLION, timeline_link

if TYPE_CHECKING:
    from starlette.responses import Response

    from raceway.server.pages.rendering import Renderer

_HEADS = ["lock", "type", "taken", "by actors", "changed hands", "waited for", "waiting in all",
          "longest wait", "held on average", "longest", "part of the time", "run", ""]  # fmt: skip
_TOLD = (
    "Changed hands: it was taken by another thread or task than the time before."
    " Waited for: somebody else had it, and how long it took to get it."
    " How long a lock was held is known of events that were tracked by hand: a recording of"
    " raceway-run has an order and no times."
)


def _filled(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Return heads and rows of a table without the columns in which nothing stands."""
    kept = [at for at in range(len(_HEADS)) if any(row[at] != "" for row in rows)]
    return {
        "heads": [_HEADS[at] for at in kept],
        "rows": [tuple(row[at] for at in kept) for row in rows],
    }


class LockPages:
    """Renders the page of locks.

    Args:
        renderer: Of the server.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def locks(self) -> Response:
        """Return the page."""
        found = self._renderer.own.locks()
        locks, order = found["locks"], found["order"]
        self._tell_apart(locks)
        names = {one["id"]: self._name(one) for one in locks}
        edges = self._edges({one["id"]: self._key(one) for one in locks}, order)
        nodes = {self._key(one): Node(self._name(one), self._detail(one)) for one in locks}
        for edge in edges:  # locks that are not in the list any more
            for key in (edge.source, edge.target):
                nodes.setdefault(key, Node(key.rpartition(" ")[2]))
        groups = circles(edges)
        picture = draw(nodes, edges, "Which lock is taken inside which")
        inversions = self._renderer.context.findings.findings("type = 'lock-order-inversion'")
        lead = "No lock was taken while another one was held."
        if picture:
            lead = "An arrow leads from a lock that was held to one that was taken inside it."
        if groups:
            lead += (
                f" {len(groups)} {'circle' if len(groups) == 1 else 'circles'} in the order:"
                " actors that take them from different ends can wait for each other for ever."
            )
        rows = [
            (names.get(one["outside"], one["outside"]), names.get(one["inside"], one["inside"]),
             one["count"], self._renderer.short(one["location"]))
            for one in order
        ]  # fmt: skip
        return self._renderer.list(
            "/locks", "Locks",
            {"title": "Opposite orders", "findings": inversions},
            {"title": "Order", "svg": Markup(picture),  # noqa: S704 - escaped there
             "text": lead, "heads": ["held", "taken inside", "times", "place"], "rows": rows},
            {"title": "Contention", "text": _TOLD, **_filled([self._row(one) for one in locks])},
        )  # fmt: skip

    def _row(self, one: dict[str, Any]) -> tuple[Any, ...]:
        taken = max(1, one["taken"])
        lasted = one["last"] - one["first"]
        timed = one["held"] > 0
        return (
            self._name(one), one["kind"], one["taken"], one["actors"],
            {"bar": 100 * one["handed"] / taken,
             "text": f"{one['handed']:,} ({100 * one['handed'] / taken:.0f} %)"},
            one["waits"],
            f"{one['waited'] / MILLION:.2f} ms" if one["waits"] else "",
            f"{one['longest_wait'] / MILLION:.2f} ms" if one["waits"] else "",
            f"{one['held'] / taken / MILLION:.2f} ms" if timed else "",
            f"{one['longest'] / MILLION:.2f} ms" if timed else "",
            f"{min(100, 100 * one['held'] / lasted):.0f} %" if timed and lasted > 0 else "",
            one["scope"], timeline_link("timeline", run=one["scope"]),
        )  # fmt: skip

    @staticmethod
    def _tell_apart(locks: list[dict[str, Any]]) -> None:
        """Number the locks of a run that have one name: they were made in one place."""
        alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for one in sorted(locks, key=lambda one: (len(one["id"]), one["id"])):
            alike.setdefault((one["scope"], one["name"], one["location"]), []).append(one)
        for group in alike.values():
            if len(group) > 1:
                for number, one in enumerate(group, 1):
                    one["name"] = f"{one['name']} #{number}"

    def _name(self, one: dict[str, Any]) -> str:
        # A lock without a name is known by where it was made.
        return str(one["name"]).replace(self._renderer.root + os.sep, "")

    @staticmethod
    def _key(one: dict[str, Any]) -> str:
        """Return what a lock has in common with that of another run of the program."""
        if one["location"]:
            return f"{one['kind']} {one['location']} {one['name']}"
        return str(one["id"])

    def _detail(self, one: dict[str, Any]) -> str:
        return self._renderer.short(one["location"]) if one["location"] else str(one["kind"])

    def _edges(self, keys: dict[str, str], order: list[dict[str, Any]]) -> list[Edge]:
        counts: dict[tuple[str, str], tuple[int, str]] = {}
        for one in order:
            pair = tuple(keys.get(one[side], one[side]) for side in ("outside", "inside"))
            count, where = counts.get((pair[0], pair[1]), (0, one["location"]))
            counts[pair[0], pair[1]] = (count + one["count"], where)
        return [
            Edge(one, two, f"{count:,}", f"{count:,} times, at {self._renderer.short(where)}")
            for (one, two), (count, where) in counts.items()
            if one != two
        ]
