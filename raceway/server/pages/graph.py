"""Draws a small directed graph as SVG: from left to right, circles marked.

Which lock is taken inside which, and which service calls which, are graphs of some dozen nodes.
Those that lie on a circle are found by Tarjan's algorithm; each node stands one column to the right
of the last one that leads to it, not counting the edges that go back.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from raceway.report.terminal import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_NODES: Final = 60
_WIDTH: Final = 190
_HEIGHT: Final = 44
_ACROSS: Final = 96
_DOWN: Final = 26
_MARGIN: Final = 28
_LETTERS: Final = 24


@dataclass(frozen=True, slots=True)
class Node:
    """A node.

    Attributes:
        title: Its name.
        detail: A second line.
        href: Where it leads, or nothing.
    """

    title: str
    detail: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge.

    Attributes:
        source: Key of a node.
        target: Key of another one.
        label: What stands at it.
        detail: What is told to who points at it.
    """

    source: str
    target: str
    label: str = ""
    detail: str = ""


def circles(edges: Iterable[Edge]) -> list[frozenset[str]]:
    """Return the sets of nodes that lead to each other (Tarjan 1972), without recursion."""
    following: dict[str, list[str]] = {}
    for edge in edges:
        following.setdefault(edge.source, []).append(edge.target)
        following.setdefault(edge.target, [])
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    waiting: set[str] = set()
    found: list[frozenset[str]] = []
    for start, first in following.items():
        if start in index:
            continue
        work = [(start, iter(first))]
        index[start] = low[start] = len(index)
        stack.append(start)
        waiting.add(start)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    waiting.add(other)
                    work.append((other, iter(following[other])))
                    break
                if other in waiting:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    members = set()
                    while node not in members:
                        members.add(stack.pop())
                    waiting -= members
                    if len(members) > 1:
                        found.append(frozenset(members))
    return found


def _columns(nodes: Iterable[str], edges: list[Edge]) -> dict[str, int]:
    """Return the column of each node; edges that close a circle do not count."""
    following: dict[str, list[str]] = {node: [] for node in nodes}
    for edge in edges:
        following[edge.source].append(edge.target)
    column = dict.fromkeys(following, 0)
    done: list[str] = []
    state: dict[str, int] = {}
    backward: set[tuple[str, str]] = set()
    for start, first in following.items():
        if start in state:
            continue
        state[start] = 1
        work = [(start, iter(first))]
        while work:
            node, rest = work[-1]
            for other in rest:
                if state.get(other) == 1:
                    backward.add((node, other))
                elif other not in state:
                    state[other] = 1
                    work.append((other, iter(following[other])))
                    break
            else:
                state[node] = 2
                done.append(node)
                work.pop()
    for node in reversed(done):
        for other in following[node]:
            if (node, other) not in backward:
                column[other] = max(column[other], column[node] + 1)
    return column


def draw(nodes: Mapping[str, Node], edges: list[Edge], label: str) -> str:
    """Return a graph as an ``svg`` element; nothing if there are no edges.

    Args:
        nodes: By key.
        edges: Between them; those of nodes that are not there are left out.
        label: What it shows, for who cannot see it.
    """
    edges = [edge for edge in edges if edge.source in nodes and edge.target in nodes][:200]
    named = list(dict.fromkeys(key for edge in edges for key in (edge.source, edge.target)))
    named = named[:MOST_NODES]
    kept = set(named)
    edges = [edge for edge in edges if edge.source in kept and edge.target in kept]
    if not edges:
        return ""
    column = _columns(named, edges)
    rows: dict[int, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for key in named:
        row = rows.get(column[key], 0)
        rows[column[key]] = row + 1
        places[key] = (
            _MARGIN + column[key] * (_WIDTH + _ACROSS), _MARGIN + row * (_HEIGHT + _DOWN)
        )  # fmt: skip
    width = 2 * _MARGIN + (max(rows) + 1) * (_WIDTH + _ACROSS) - _ACROSS
    height = 2 * _MARGIN + max(rows.values()) * (_HEIGHT + _DOWN) - _DOWN
    if any(column[edge.source] >= column[edge.target] for edge in edges):
        height += 30  # for what goes back
    groups = circles(edges)
    drawn = [_edge(edge, places, groups, max(rows.values())) for edge in edges]
    boxes = [
        _node(nodes[key], places[key], on=any(key in group for group in groups)) for key in named
    ]
    arrows = "".join(
        f'<marker id="arrow{kind}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9"'
        ' markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path class="head{kind}" d="M0 0 8 4 0 8z"/></marker>'
        for kind in ("", "-circle")
    )
    return (
        f'<svg class="graph" role="img" aria-label="{_text(label)}" width="{width}"'
        f' height="{height}" viewBox="0 0 {width} {height}"><defs>{arrows}</defs>'
        f"{''.join(drawn)}{''.join(boxes)}</svg>"
    )


def _edge(
    edge: Edge, places: dict[str, tuple[int, int]], groups: list[frozenset[str]], rows: int
) -> str:
    on = any(edge.source in group and edge.target in group for group in groups)
    kind = "-circle" if on else ""
    (x, y), (to_x, to_y) = places[edge.source], places[edge.target]
    y, to_y = y + _HEIGHT // 2, to_y + _HEIGHT // 2
    if to_x > x:
        x += _WIDTH
        bend = max(30, (to_x - x) // 2)
        path = f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"
        at = ((x + to_x) // 2, (y + to_y) // 2 - 6)
    else:  # it goes back: below both, so that it does not lie upon the way there
        x, to_x = x + _WIDTH // 2, to_x + _WIDTH // 2
        y, to_y = y + _HEIGHT // 2, to_y + _HEIGHT // 2
        deep = max(y, to_y) + (44 if rows == 1 else 30)
        if edge.source == edge.target:
            x, to_x = x + 20, to_x - 20
        path = f"M{x} {y}C{x} {deep} {to_x} {deep} {to_x} {to_y}"
        at = ((x + to_x) // 2, deep - 10)
    told = f"<title>{_text(edge.detail)}</title>" if edge.detail else ""
    label = f'<text class="label{kind}" x="{at[0]}" y="{at[1]}">{_text(edge.label)}</text>'
    return (
        f'<g><path class="edge{kind}" d="{path}" marker-end="url(#arrow{kind})">{told}</path>'
        f"{label if edge.label else ''}</g>"
    )


def _node(node: Node, place: tuple[int, int], *, on: bool) -> str:
    x, y = place
    kind = " on" if on else ""
    middle = y + (19 if node.detail else 27)
    second = (
        f'<text class="detail" x="{x + 10}" y="{y + 36}">{_short(node.detail, 30)}</text>'
        if node.detail
        else ""
    )
    box = (
        f'<g class="node{kind}"><title>{_text(node.title)}</title>'
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        f'<text x="{x + 10}" y="{middle}">{_short(node.title, _LETTERS)}</text>{second}</g>'
    )
    return f'<a href="{_text(node.href)}">{box}</a>' if node.href else box


def _short(text: str, most: int) -> str:
    return _text(text if len(text) <= most else text[: most - 1] + "…")


def _text(text: str) -> str:
    return escape(clean(text, unicode=True))
