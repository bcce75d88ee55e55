"""The report as one HTML file, for a browser: no network, readable without its script.

Everything that is quoted goes through :func:`html_text`.  Should that ever fail, the policy in the
head of the page lets nothing run and nothing load but the style and the script that stand there.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from raceway import __version__
from raceway.model.findings import SEVERITIES, Report
from raceway.report.assets import (
    REPORT_SCRIPT,
    REPORT_STYLE,
    TIMELINE_SCRIPTS,
    TIMELINE_STYLE,
    asset,
)
from raceway.report.excerpt import (
    excerpt,
    is_library,
    shown_location,
    shown_path,
    source_line,
    user_frames,
)
from raceway.report.html_text import html_text
from raceway.report.html_timeline import timeline_section
from raceway.report.rules import RULES, rule_of
from raceway.report.sides import blocks, is_lock_order, labels, own_place, place
from raceway.report.summary import note_lines, number, summary_lines
from raceway.report.words import (
    deed,
    lost_value,
    notes,
    pauses,
    predicted,
    seen,
    subject,
    values_after,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from raceway.model.findings import Access, Finding, Frame, Step
    from raceway.report.sides import Block

    ReadLine = Callable[[str, int], str | None]

_OPEN: Final = 5
"""Findings that are open at first, so that a long report begins with a list."""
_CONTEXT: Final = 3
_LEAD: Final = '<p><a href="#timeline">What happened, as a timeline</a></p>\n'
_MOST_STEPS: Final = 200
_WAITS_SHOWN: Final = 50
_ANCHOR: Final = re.compile(r"RW-[A-Za-z0-9-]+")


def render_html(report: Report, *, root: str, read_line: ReadLine = source_line) -> str:
    """Render the report as a page that needs nothing else.

    Args:
        report: What to show.
        root: Folder to which paths below it are shown relative, or an empty string.
        read_line: Returns a line of a source file, or None.
    """
    timeline = timeline_section(report, root)
    style = asset(REPORT_STYLE, *((TIMELINE_STYLE,) if timeline else ()))
    script = asset(REPORT_SCRIPT, *(TIMELINE_SCRIPTS if timeline else ()))
    command = " ".join(report.command)
    anchors = _anchors(report.findings)
    known = {finding.id: anchor for finding, anchor in zip(report.findings, anchors, strict=True)}
    items = "".join(
        f"<li>{_Finding(finding, report, known, root, read_line).html(anchor, position)}</li>\n"
        for position, (finding, anchor) in enumerate(zip(report.findings, anchors, strict=True))
    )
    found = f'<ol class="findings" id="findings">\n{items}</ol>\n' if items else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Raceway {html_text(__version__)}">
<title>Raceway: {number(len(report.findings), "finding")}, {html_text(command)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Raceway report</h1>
<p class="command"><code>{html_text(command)}</code>{_status(report)}</p>
{_summary(report)}{_LEAD if timeline else ""}</header>
{_filters(report)}<main>
{found}{timeline}</main>
<footer>
{_processes(report)}{_waits(report, root)}{_notes(report)}<p>Raceway {html_text(__version__)}</p>
</footer>
<script>{script}</script>
</body>
</html>
"""


def finding_body(finding: Finding, *, root: str, read_line: ReadLine = source_line) -> str:
    """Render what there is to say about one finding, without its heading, as HTML.

    Args:
        finding: The finding.
        root: As for :func:`render_html`.
        read_line: As for :func:`render_html`.
    """
    return _Finding(finding, Report(), {}, root, read_line).body()


def _policy(style: str, script: str) -> str:
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}';"
        " base-uri 'none'; form-action 'none'"
    )


def _anchors(findings: Sequence[Finding]) -> list[str]:
    """Return the anchor of each finding: where it can be its fingerprint, a link to it lasts."""
    anchors: list[str] = []
    for position, finding in enumerate(findings):
        usable = _ANCHOR.fullmatch(finding.id) and finding.id not in anchors
        anchors.append(finding.id if usable else f"finding-{position}")
    return anchors


def _status(report: Report) -> str:
    return "" if report.exit_status is None else f" ended with status {report.exit_status}"


def _summary(report: Report) -> str:
    first, *others = summary_lines(report)
    problems = "".join(f"<li>{html_text(line)}</li>\n" for line in others)
    told = f'<ul class="problems">\n{problems}</ul>\n' if problems else ""
    return f'<p class="summary">{html_text(first)}</p>\n{told}'


def _notes(report: Report) -> str:
    items = "".join(f"<li>{html_text(line)}</li>\n" for line in note_lines(report))
    if not items:
        return ""
    return f"<section>\n<h2>Not seen</h2>\n<ul>\n{items}</ul>\n</section>\n"


def _processes(report: Report) -> str:
    if not report.processes:
        return ""
    rows = "".join(
        f"<tr><td>{process.pid}</td><td><code>{html_text(process.command)}</code></td>"
        f"<td>{process.ops:,}</td><td>{html_text(process.ended)}</td></tr>\n"
        for process in report.processes
    )
    return (
        f"<details><summary>{number(len(report.processes), 'process')}</summary>\n"
        '<div class="wide" tabindex="0" role="region" aria-label="Processes">\n'
        "<table>\n<thead><tr><th>pid</th><th>command</th><th>ops</th><th>ended</th></tr></thead>\n"
        f"<tbody>\n{rows}</tbody>\n</table>\n</div>\n</details>\n"
    )


def _waits(report: Report, root: str) -> str:
    if not report.waits:
        return ""
    shown = report.waits[:_WAITS_SHOWN]
    rows = "".join(
        f"<tr><td><code>{html_text(wait.lock.name)}</code></td>"
        f'<td><code class="path">{html_text(shown_location(wait.lock.location, root))}</code></td>'
        f"<td>{wait.count:,}</td><td>{wait.total / 1e6:,.1f} ms</td>"
        f"<td>{wait.longest / 1e6:,.1f} ms</td></tr>\n"
        for wait in shown
    )
    left = len(report.waits) - len(shown)
    more = f"<p>{left:,} more</p>\n" if left else ""
    count = sum(wait.count for wait in report.waits)
    total = sum(wait.total for wait in report.waits) / 1e6
    return (
        f"<details><summary>Locks were waited for {number(count, 'time')}, for {total:,.1f} ms"
        " in all</summary>\n"
        '<div class="wide" tabindex="0" role="region" aria-label="Waiting for locks">\n'
        "<table>\n<thead><tr><th>lock</th><th>made at</th><th>times</th><th>in all</th>"
        "<th>longest</th></tr></thead>\n"
        f"<tbody>\n{rows}</tbody>\n</table>\n</div>\n{more}</details>\n"
    )


def _filters(report: Report) -> str:
    """Return the controls; hidden until the script is there that they need."""
    found = report.findings
    groups: tuple[tuple[str, dict[str, str], list[str]], ...] = (
        ("severity", {name: name for name in reversed(SEVERITIES)}, [f.severity for f in found]),
        ("type", {rule.type: rule.title for rule in RULES}, [f.type for f in found]),
        (
            "certainty",
            {name: name for name in ("observed", "predicted")},
            [f.certainty for f in found],
        ),
    )
    fields = "".join(_choices(*group) for group in groups)
    return f"""<form class="filters" id="filters" role="search" hidden>
<label class="search">Search <input type="search" id="search" autocomplete="off" spellcheck="false">
</label>
{fields}<p class="actions"><button type="button" id="all">Open or close all</button>
<button type="button" id="theme">Light or dark</button>
<output id="shown" for="search" aria-live="polite"></output></p>
<p class="keys"><kbd>/</kbd> search, <kbd>j</kbd> <kbd>k</kbd> next and previous finding,
<kbd>Enter</kbd> open or close, <kbd>e</kbd> all, <kbd>Esc</kbd> show everything</p>
</form>
"""


def _choices(name: str, known: dict[str, str], found: list[str]) -> str:
    present = [(value, title) for value, title in known.items() if value in found]
    if len(present) < 2:
        return ""  # nothing to choose
    boxes = "".join(
        f'<label><input type="checkbox" name="{name}" value="{value}" checked>'
        f" {title} ({found.count(value)})</label>\n"
        for value, title in present
    )
    return f"<fieldset>\n<legend>{name}</legend>\n{boxes}</fieldset>\n"


class _Finding:
    """Renders one finding."""

    def __init__(
        self,
        finding: Finding,
        report: Report,
        anchors: dict[str, str],
        root: str,
        read_line: ReadLine,
    ) -> None:
        self._finding = finding
        self._report = report
        self._anchors = anchors
        self._root = root
        self._read_line = read_line
        self._has_timeline = report.run_trace is not None and bool(report.run_trace.events)
        self._names = labels(finding)

    def html(self, anchor: str, position: int) -> str:
        """Return the finding as an element that opens and closes."""
        finding = self._finding
        opened = " open" if position < _OPEN and not finding.same_as else ""
        first = own_place(finding.accesses[0], self._root) if finding.accesses else None
        at = f'<span class="at">{self._path(first)}</span> ' if first else ""
        return (
            f'<details class="finding {finding.severity}" id="{anchor}"{opened}'
            f' data-severity="{finding.severity}" data-type="{finding.type}"'
            f' data-certainty="{finding.certainty}">\n'
            f'<summary><h2><span class="severity">{finding.severity}</span>'
            f" {rule_of(finding).title}"
            f' <code class="subject">{html_text(subject(finding))}</code>'
            f' <span class="facts">{at}<span class="id">{html_text(finding.id)}</span>'
            f" <span>{finding.certainty}</span></span></h2></summary>\n"
            f'<div class="body">\n{self.body()}{self._timeline()}</div>\n</details>'
        )

    def _timeline(self) -> str:
        if not self._has_timeline or self._finding.same_as:
            return ""
        name = html_text(self._finding.id)
        return f'<p><a href="#timeline" data-finding="{name}">In the timeline</a></p>\n'

    def body(self) -> str:
        """Return what there is to say about it."""
        finding = self._finding
        if finding.same_as:
            other = self._anchors.get(finding.same_as)
            name = html_text(finding.same_as)
            link = f'<a href="#{other}">{name}</a>' if other else name
            times = seen(finding, self._report)
            return f"<p>The same code as in {link}, on another item; seen {times}.</p>\n"
        return "".join(
            (
                f'<p class="message">{html_text(finding.message)}</p>\n',
                _paragraph(predicted(finding)),
                self._sides(),
                self._interleaving(),
                self._facts(),
            )
        )

    def _sides(self) -> str:
        parts: list[str] = []
        introduced: set[int] = set()
        for block in blocks(self._finding):
            new = block.column not in introduced
            introduced.add(block.column)
            heads = "".join(self._head(access, block) for access in block.accesses)
            parts.append(
                f'<section class="side">\n{heads}{self._source(block)}'
                f"{self._stack(block.accesses[-1])}"
                f"{self._start(block.accesses[0]) if new else ''}</section>\n"
            )
        return f'<div class="sides">\n{"".join(parts)}</div>\n' if parts else ""

    def _head(self, access: Access, block: Block) -> str:
        who = self._names[block.column]
        if is_lock_order(self._finding):
            verb, lock = deed(self._finding, access, block.column)
            what = f"{who} {verb} {lock}"
        else:
            what = f"{access.operation or access.access} by {who}"
        lead = block.lead if access is block.accesses[0] else "and then"
        before = f'<span class="lead">{html_text(lead)}</span> ' if lead else ""
        names = ", ".join(f"<code>{html_text(lock.name)}</code>" for lock in access.locks) or "none"
        # That somebody who takes a first lock holds none says nothing.
        held = f", locks held: {names}" if access.role != "outer" or access.locks else ""
        where = place(access)
        return (
            f"<h3>{before}{html_text(what)}</h3>\n"
            f'<p class="where">{self._path(where)} in <code>{html_text(where.function)}</code>'
            f"{held}</p>\n"
        )

    def _source(self, block: Block) -> str:
        frames = [place(access) for access in block.accesses]
        told, paused = notes(self._finding, block), pauses(self._finding, block)
        lines = excerpt(frames, self._read_line, context=_CONTEXT)
        if not lines:
            text = "".join(f"; {html_text(note)}" for note in told.values())
            return f'<p class="missing">(source not available{text})</p>\n'
        digits = len(str(lines[-1].number))
        rows: list[str] = []
        for line in lines:
            if not line.number:
                rows.append(f'<span class="gap">  {" " * (digits - 1)}…</span>')
                continue
            head = f"{'&gt;' if line.marked else ' '} {line.number:>{digits}} │ "
            note = (told if line.marked else paused).get(line.number, "")
            tail = f'   <span class="note">← {html_text(note)}</span>' if note else ""
            kind = "line marked" if line.marked else "line"
            rows.append(
                f'<span class="{kind}"><span class="number">{head}</span>'
                f"{html_text(line.text)}{tail}</span>"
            )
        # Each line ends with a newline, so that it is one without the style, and when copied.
        code = "\n".join(rows)
        return f'<pre class="source" tabindex="0" aria-label="Source">{code}</pre>\n'

    def _stack(self, access: Access) -> str:
        if len(access.stack) < 2:
            return ""
        return (
            f"<details><summary>call stack, {number(len(access.stack), 'line')}</summary>\n"
            f"{self._frames(access.stack)}</details>\n"
        )

    def _start(self, access: Access) -> str:
        actor = access.actor
        if not actor.started_by and not actor.started_at:
            return ""
        frames = user_frames(actor.started_at, self._root)
        first = frames[0][0] if frames else next(iter(actor.started_at), None)
        at = f" at {self._path(first)} in <code>{html_text(first.function)}</code>" if first else ""
        told = f"started by {html_text(actor.started_by or 'unknown')}{at}"
        if not actor.started_at:
            return f'<p class="start">{told}</p>\n'
        return f"<details><summary>{told}</summary>\n{self._frames(actor.started_at)}</details>\n"

    def _frames(self, stack: Sequence[Frame]) -> str:
        items = "".join(
            f"<li{self._library(frame)}>{self._path(frame)} in"
            f" <code>{html_text(frame.function)}</code></li>\n"
            for frame in stack
        )
        return f'<ol class="stack">\n{items}</ol>\n'

    def _library(self, frame: Frame) -> str:
        return ' class="library"' if is_library(frame.file, self._root) else ""

    def _path(self, frame: Frame) -> str:
        path = html_text(shown_path(frame.file, self._root))
        return f'<code class="path">{path}:{frame.line}</code>'

    def _interleaving(self) -> str:
        finding = self._finding
        steps = finding.steps[:_MOST_STEPS]
        if not steps:
            return ""
        values = values_after(finding)
        lost, lost_step = lost_value(finding, values)
        heads = "".join(f'<th scope="col">{html_text(name)}</th>' for name in self._names)
        if values:
            heads += f'<th scope="col"><code>{html_text(finding.variable)}</code></th>'
        rows: list[str] = []
        for position, step in enumerate(steps):
            cells = self._cells(step)
            if values:
                gone = f' <strong class="lost">← {html_text(lost)} lost</strong>'
                mark = gone if lost and position == lost_step else ""
                cells += f'<td class="value">{html_text(values[position])}{mark}</td>'
            rows.append(f'<tr><th scope="row">{position + 1}</th>{cells}</tr>\n')
        left = len(finding.steps) - len(steps)
        more = f"<p>{left:,} more steps</p>\n" if left else ""
        return (
            '<div class="wide" tabindex="0" role="region" aria-label="The interleaving">\n'
            '<table class="steps">\n<caption>The interleaving that goes wrong</caption>\n'
            f'<thead><tr><th scope="col">order</th>{heads}</tr></thead>\n'
            f"<tbody>\n{''.join(rows)}</tbody>\n</table>\n</div>\n{more}"
        )

    def _cells(self, step: Step) -> str:
        line = f' <span class="number">:{step.line}</span>' if step.line > 0 else ""
        cell = f"{html_text(step.action)}{line} <code>{html_text(step.detail)}</code>"
        if not step.detail:
            cell = f"{html_text(step.action)}{line}"
        count = len(self._names)
        if not 0 <= step.actor < count:
            return f'<td colspan="{count}">actor {step.actor + 1}: {cell}</td>'
        return "".join(
            f'<td class="step">{cell}</td>' if column == step.actor else "<td>·</td>"
            for column in range(count)
        )

    def _facts(self) -> str:
        finding = self._finding
        made = "".join(
            f"<li><code>{html_text(lock.name)}</code> ({html_text(lock.kind)}, made at"
            ' <code class="path">'
            f"{html_text(shown_location(lock.location, self._root))}</code>)</li>\n"
            for lock in finding.locks
            if lock.location
        )
        facts = (
            ("locks", f"<ul>\n{made}</ul>" if made else "", ""),
            ("why", html_text(finding.why), ""),
            ("fix", html_text(finding.fix), ' class="fix"'),
            ("seen", seen(finding, self._report), ""),
        )
        rows = "".join(
            f"<dt{kind}>{name}</dt><dd{kind}>{text}</dd>\n" for name, text, kind in facts if text
        )
        return f"<dl>\n{rows}</dl>\n"


def _paragraph(text: str) -> str:
    return f"<p>{html_text(text)}</p>\n" if text else ""
