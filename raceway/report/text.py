"""The report as text, for somebody who has never seen one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from raceway.report.aside import write_aside
from raceway.report.excerpt import excerpt, shown_location, shown_path, user_frames
from raceway.report.page import Page, Piece
from raceway.report.rules import rule_of
from raceway.report.sides import Block, blocks, is_lock_order, labels, place
from raceway.report.summary import number, write_ends, write_notes, write_summary
from raceway.report.terminal import DEFAULT_WIDTH, display_width, pad
from raceway.report.timeline import write_timeline
from raceway.report.words import deed, notes, pauses, predicted, seen, subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.model.findings import Access, Finding, Frame, Report

_INDENT: Final = 2
_DETAIL: Final = 6
_CALLERS: Final = 4
_ACTOR: Final = 40
_NAME: Final = 32


def render_text(
    report: Report,
    *,
    color: bool,
    width: int,
    unicode: bool,
    root: str,
    read_line: Callable[[str, int], str | None],
    verbose: bool = False,
) -> str:
    """Render the report for a terminal or a text file.

    Args:
        report: What to show.
        color: Whether to use ANSI colours.
        width: Columns; at least 60 are used.  Only paths and the summary line, which people
            search for, may be longer.
        unicode: Whether other characters than ASCII can be shown.
        root: Folder to which paths below it are shown relative, or an empty string.
        read_line: Returns a line of a source file, or None.
        verbose: Whether to show also findings of severity ``info``, and the notes of a report
            without findings.

    Returns:
        Lines, each ended with a newline.  Without findings it is one line, and one for each
        process whose log is not complete.
    """
    page = Page(color=color, width=width, unicode=unicode)
    shown = [finding for finding in report.findings if verbose or finding.severity != "info"]
    for position, finding in enumerate(shown, 1):
        _Writer(page, finding, root, read_line).write(position, len(shown), report)
        page.blank()
    hidden = len(report.findings) - len(shown)
    if hidden and shown:
        page.line(Piece(f"raceway: {number(hidden, 'info finding')} not shown", "dim"))
    write_summary(page, report)
    write_aside(page, report, verbose=verbose)
    write_ends(page, report, verbose=verbose)
    if shown or verbose:
        write_notes(page, report)
    return page.text()


def render_finding(
    finding: Finding, report: Report, *, root: str, read_line: Callable[[str, int], str | None]
) -> str:
    """Render one finding without its headline, for formats that have one of their own."""
    page = Page(color=False, width=DEFAULT_WIDTH, unicode=True)
    _Writer(page, finding, root, read_line).write_body(report)
    return page.text()


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes one finding."""

    page: Page
    finding: Finding
    root: str
    read_line: Callable[[str, int], str | None]

    def write(self, position: int, total: int, report: Report) -> None:
        self._headline(position, total)
        self.write_body(report)

    def write_body(self, report: Report) -> None:
        page, finding = self.page, self.finding
        if finding.same_as:
            times = seen(finding, report)
            text = f"The same code as in {finding.same_as}, on another item; seen {times}."
            page.paragraph(text, indent=_INDENT)
            return
        page.paragraph(finding.message, indent=_INDENT)
        page.paragraph(predicted(finding), indent=_INDENT)
        page.blank()
        self._blocks()
        page.blank()
        if finding.steps:
            write_timeline(page, finding)
            page.blank()
        self._locks()
        page.paragraph(finding.why, indent=_INDENT, label="why   ")
        page.paragraph(finding.fix, indent=_INDENT, label="fix   ")
        page.paragraph(seen(finding, report), indent=_INDENT, label="seen  ")

    def _headline(self, position: int, total: int) -> None:
        page, finding = self.page, self.finding
        pieces = [
            Piece(f"raceway: {position} of {total}", "bold"),
            Piece(finding.severity.upper(), finding.severity, gap=2),
            Piece(rule_of(finding).title, "bold", gap=2),
            Piece(page.name(subject(finding), page.width - 12), "bold", gap=2),
            Piece(page.name(finding.id, _NAME), "dim", gap=2),
            Piece(finding.certainty, "dim", gap=2),
        ]
        page.flow(*(piece for piece in pieces if piece.text), indent=0)

    def _blocks(self) -> None:
        groups = blocks(self.finding)
        intros = [
            [self._intro(access, block, first=not n) for n, access in enumerate(block.accesses)]
            for block in groups
        ]
        # Places stand in one column if that leaves room for them.
        widest = max((display_width(intro) for part in intros for intro in part), default=0)
        align = widest if widest <= self.page.width // 2 else 0
        seen: set[tuple[str, int]] = set()
        introduced: set[int] = set()
        for block, part in zip(groups, intros, strict=True):
            if block.lead:
                self.page.line(Piece(" " * _INDENT), Piece(block.lead, "bold"))
            for access, intro in zip(block.accesses, part, strict=True):
                self._header(access, pad(intro, align))
            self._source(block, seen)
            self._callers(block.accesses[-1])
            if block.column not in introduced:
                introduced.add(block.column)
                self._start(block.accesses[0])

    def _intro(self, access: Access, block: Block, *, first: bool) -> str:
        who = self.page.name(labels(self.finding)[block.column], _ACTOR)
        if not is_lock_order(self.finding):
            what = self.page.name(access.operation or access.access, _NAME)
            return f"{what} by {who}" if first else f"and then {what} by {who}"
        deed = self._deed(access, block.column)
        return f"{who} {deed}" if first else f"and then {deed}"

    def _deed(self, access: Access, column: int) -> str:
        verb, lock = deed(self.finding, access, column)
        return f"{verb} {self.page.name(lock, _NAME)}"

    def _header(self, access: Access, intro: str) -> None:
        where = place(access)
        names = ", ".join(self.page.name(lock.name, _NAME) for lock in access.locks) or "none"
        pieces = [Piece(intro, "bold"), *self._place(where)]
        if access.role != "outer" or access.locks:
            pieces.append(Piece(f"locks held: {names}", "" if access.locks else "dim"))
        self.page.flow(*pieces, indent=_INDENT)

    def _place(self, frame: Frame, gap: int = 3) -> list[Piece]:
        path = self.page.clean(shown_path(frame.file, self.root))
        return [
            Piece(f"{path}:{frame.line}", gap=gap, whole=True),
            Piece(f"in {self.page.name(frame.function, _ACTOR)}", gap=1),
        ]

    def _source(self, block: Block, seen: set[tuple[str, int]]) -> None:
        frames = [place(access) for access in block.accesses]
        told, paused = notes(self.finding, block), pauses(self.finding, block)
        keys = {(frame.file, frame.line) for frame in frames}
        # What was shown with its surroundings before is not worth them again.
        lines = excerpt(frames, self.read_line, context=0 if keys <= seen else 1)
        seen |= keys
        if not lines:
            text = "".join(f"; {note}" for note in told.values())
            self.page.flow(Piece(f"(source not available{text})", "dim"), indent=_DETAIL)
            return
        digits = len(str(lines[-1].number))
        for line in lines:
            if not line.number:
                self.page.line(Piece(" " * (_DETAIL + digits - 1) + "...", "dim"))
                continue
            head = str(line.number).rjust(digits)
            note = (told if line.marked else paused).get(line.number, "")
            self._source_line(head, line.text, note, marked=line.marked)

    def _source_line(self, head: str, text: str, note: str, *, marked: bool) -> None:
        page = self.page
        gutter = f"{head} {page.bar} "
        room = page.width - _DETAIL - len(gutter)
        code = page.name(text, room)
        told = page.name(f"{page.arrow} {note}", room) if note else ""
        pieces = [
            Piece(" " * (_DETAIL - 2)),
            Piece("> " if marked else "  ", "mark"),
            Piece(gutter, "dim"),
            Piece(code, "" if marked else "dim"),
        ]
        if told and display_width(code) + 3 + display_width(told) <= room:
            pieces.append(Piece(f"   {told}", "note"))
            told = ""
        page.line(*pieces)
        if told:
            blank = " " * len(head) + f" {page.bar} "
            page.line(Piece(" " * _DETAIL), Piece(blank, "dim"), Piece(told, "note"))

    def _callers(self, access: Access) -> None:
        frames = user_frames(access.stack[1:], self.root)
        for position, (frame, skipped) in enumerate(frames[:_CALLERS]):
            label = "called from  " if not position else " " * 13
            pieces = [Piece(label, "dim"), *self._place(frame, gap=0)]
            if skipped:
                through = f"(through {number(skipped, 'library frame')})"
                pieces.append(Piece(through, "dim", gap=2))
            if position == _CALLERS - 1 and len(frames) > _CALLERS:
                more = f"(and {len(frames) - _CALLERS:,} more)"
                pieces.append(Piece(more, "dim", gap=2))
            self.page.flow(*pieces, indent=_DETAIL)

    def _start(self, access: Access) -> None:
        actor = access.actor
        if not actor.started_by and not actor.started_at:
            return
        pieces = [Piece("started by   ", "dim")]
        pieces.append(Piece(self.page.name(actor.started_by or "unknown", _ACTOR), gap=0))
        if actor.started_at:
            frames = user_frames(actor.started_at, self.root)
            frame = frames[0][0] if frames else actor.started_at[0]
            pieces += [Piece("at", gap=1), *self._place(frame, gap=1)]
        self.page.flow(*pieces, indent=_DETAIL)

    def _locks(self) -> None:
        label = "locks "
        for lock in self.finding.locks:
            if not lock.location:
                continue
            where = self.page.clean(shown_location(lock.location, self.root))
            self.page.flow(
                Piece(label, "dim"),
                Piece(self.page.name(lock.name, _NAME), gap=0),
                Piece(f"({self.page.name(lock.kind, _NAME)}, made at", gap=1),
                Piece(f"{where})", gap=1, whole=True),
                indent=_INDENT,
            )
            label = " " * 6


def write_finding(
    page: Page,
    finding: Finding,
    report: Report,
    *,
    root: str,
    read_line: Callable[[str, int], str | None],
) -> None:
    """Add one finding of a report as if there were no other one."""
    _Writer(page, finding, root, read_line).write(1, 1, report)
