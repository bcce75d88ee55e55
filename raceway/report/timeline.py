"""The interleaving that goes wrong, as a table: one column for each actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raceway.report.page import GAP, Page, Piece
from raceway.report.sides import labels
from raceway.report.terminal import display_width, pad, shorten
from raceway.report.words import lost_value, values_after

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raceway.model.findings import Finding, Step

_LABEL: Final = "order"
_INDENT: Final = 2
_MIN_COLUMN: Final = 12
_MAX_STEPS: Final = 40


def write_timeline(page: Page, finding: Finding) -> None:
    """Add the table of the finding's steps; nothing if there are none."""
    steps = finding.steps[:_MAX_STEPS]
    if not steps:
        return
    names = [page.name(name, 40) for name in labels(finding)]
    cells = _cells(page, steps)
    known = values_after(finding)[: len(steps)]
    values = [page.name(value, _MIN_COLUMN) for value in known]
    if values:
        title = page.name(finding.variable, max(_MIN_COLUMN, page.width // 5))
        last_column = [title, *values]
        width = _room(page, names, GAP + max(map(display_width, last_column)))
        # The values also stand in the cells, so their own column is the first thing to go.
        if width < max(map(display_width, cells)):
            values = []
    if not values:
        last_column = [""] * (len(steps) + 1)
        width = _room(page, names, 0)
    if width < _MIN_COLUMN or any(not 0 <= step.actor < len(names) for step in steps):
        _write_list(page, steps, names, cells)
    else:
        width = min(width, max(map(display_width, (*names, *cells))))
        rows = [[page.name(name, width) for name in names]]
        for step, cell in zip(steps, cells, strict=True):
            row = [page.dot] * len(names)
            row[step.actor] = shorten(cell, width, page.ellipsis)
            rows.append(row)
        lost, lost_in_row = _lost(page, finding, values)
        for number, (row, value) in enumerate(zip(rows, last_column, strict=True)):
            head = str(number).rjust(len(_LABEL)) if number else _LABEL
            table = (" " * GAP).join(pad(cell, width) for cell in row)
            style = "" if number else "bold"
            pieces = [
                Piece(" " * _INDENT),
                Piece(head + " " * GAP, "dim"),
                Piece(table, style),
                Piece(" " * GAP + value, style),
            ]
            used = sum(display_width(piece.text) for piece in pieces)
            if lost and number == lost_in_row and used + display_width(lost) <= page.width:
                pieces.append(Piece(lost, "critical"))
            page.line(*pieces)
    if len(finding.steps) > len(steps):
        more = f"{len(finding.steps) - len(steps):,} more steps"
        page.line(Piece(" " * (_INDENT + len(_LABEL) + GAP) + more, "dim"))


def _room(page: Page, names: Sequence[str], reserved: int) -> int:
    """Return the width that is left for the column of each actor."""
    gaps = GAP * len(names)  # the first stands after the label
    return (page.width - _INDENT - len(_LABEL) - gaps - reserved) // len(names)


def _cells(page: Page, steps: Sequence[Step]) -> list[str]:
    actions = [page.name(step.action, 16) for step in steps]
    details = [page.name(step.detail, 24) for step in steps]
    action_width = max(map(display_width, actions))
    places = [f":{step.line}" if step.line > 0 else "" for step in steps]
    place_width = max(map(len, places))
    return [
        "  ".join((pad(action, action_width), place.ljust(place_width), detail)).rstrip()
        if place_width
        else f"{pad(action, action_width)}  {detail}".rstrip()
        for action, place, detail in zip(actions, places, details, strict=True)
    ]


def _lost(page: Page, finding: Finding, values: list[str]) -> tuple[str, int]:
    """Say which value was lost, and in which row of the table."""
    value, step = lost_value(finding, values)
    return (f"  {page.arrow} {value} lost", step + 1) if value else ("", 0)


def _write_list(
    page: Page, steps: Sequence[Step], names: Sequence[str], cells: Sequence[str]
) -> None:
    """Fall back to one line a step, for many actors or a narrow terminal."""
    for number, (step, cell) in enumerate(zip(steps, cells, strict=True), 1):
        known = 0 <= step.actor < len(names)
        name = names[step.actor] if known else f"actor {step.actor + 1}"
        page.flow(
            Piece(_LABEL if number == 1 else " " * len(_LABEL), "dim"),
            Piece(str(number).rjust(len(_LABEL)), "dim", gap=1),
            Piece(name),
            Piece(cell),
            indent=_INDENT,
        )
