"""Whatever a report holds, rendering it works and is harmless."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report.markup import checked, commands, markdown_rows
from report.sarif_schema import VALIDATOR

from raceway.model.findings import (
    Access,
    Actor,
    Counts,
    Finding,
    Frame,
    LockRef,
    ProcessInfo,
    Report,
    Step,
)
from raceway.report.document import encode_document, report_document
from raceway.report.github import workflow_commands
from raceway.report.html_report import render_html
from raceway.report.junit import render_junit
from raceway.report.markdown import render_markdown
from raceway.report.sarif import render_sarif
from raceway.report.terminal import display_width
from raceway.report.text import render_text

PATH = "/app/" + "p" * 20  # short enough for every line: only paths may be longer than it
ANY_TEXT = st.text(max_size=120) | st.text(alphabet="a\x1b\n 漢\u0301\u202e\ud800", max_size=300)
WORD = st.text(max_size=12)
VALUE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | ANY_TEXT
    | st.binary(max_size=50)
    | st.integers(2**60, 2**70)
    | st.just(2**400)
    | st.lists(st.floats(), max_size=3)
)
LINE = st.integers(-1, 40)
FRAME = st.builds(
    Frame,
    st.sampled_from([PATH, "/app/b.py", "<string>", "/x/site-packages/a\x1b.py"]),
    LINE,
    ANY_TEXT,
    st.none() | LINE,
    first_line=LINE,
)
STACK = st.lists(FRAME, max_size=6).map(tuple)
LOCKS = st.lists(
    st.builds(LockRef, ANY_TEXT, WORD, st.sampled_from(["", f"{PATH}:3", "\x1b:1"])), max_size=3
).map(tuple)
ACTOR = st.builds(
    Actor, ANY_TEXT, st.sampled_from(["thread", "task", "main", "\x1b"]), ANY_TEXT, STACK
)
ACCESS = st.builds(
    Access,
    st.sampled_from(["read", "write"]),
    st.sampled_from(["read", "write", "append", ""]) | ANY_TEXT,
    ACTOR,
    STACK,
    LOCKS,
    VALUE,
    st.booleans(),
    st.sampled_from(["first", "second", "other", "outer", "inner"]),
)
STEP = st.builds(
    Step, st.integers(-1, 4), st.sampled_from(["read", "write"]) | ANY_TEXT, LINE, ANY_TEXT
)


@st.composite
def accesses(draw: st.DrawFn) -> tuple[Access, ...]:
    """Independent sides, or a sequence of one actor, as an engine would report it."""
    sides = draw(st.lists(ACCESS, max_size=5).map(tuple))
    if len(sides) > 1 and draw(st.booleans()):
        one = sides[0]
        near = tuple(Frame(f.file, f.line + 2, f.function) for f in one.stack[:1])
        stack = near + one.stack[1:]
        first = Access(one.access, one.operation, one.actor, one.stack, role="first")
        second = Access("write", "write", one.actor, stack, one.locks, role="second")
        return (first, second, *sides[1:])
    return sides


FINDING = st.builds(
    Finding,
    WORD,
    st.sampled_from(["data-race", "atomicity-violation", "lock-order-inversion"]),
    st.sampled_from(["info", "warning", "critical"]),
    st.sampled_from(["observed", "predicted"]),
    ANY_TEXT,
    ANY_TEXT,
    accesses(),
    LOCKS,
    ANY_TEXT,
    ANY_TEXT,
    st.lists(STEP, max_size=8).map(tuple),
    st.integers(1, 10**6),
    st.integers(0, 99),
)
SMALL = st.integers(0, 3)
ENDS = st.sampled_from(
    ["exit", "exec", "uninstall", "running", "unknown", "status 3", "killed by SIGKILL", "lost: x"]
)
REPORT = st.builds(
    Report,
    st.lists(FINDING, max_size=3).map(tuple),
    st.builds(Counts, SMALL, SMALL, SMALL, SMALL, SMALL, SMALL, SMALL, SMALL, SMALL),
    st.lists(st.builds(ProcessInfo, SMALL, ANY_TEXT, SMALL, ENDS, ANY_TEXT), max_size=2).map(tuple),
    st.lists(ANY_TEXT, max_size=2).map(tuple),
    st.lists(ANY_TEXT, max_size=2).map(tuple),
    st.none() | st.integers(0, 255),
)


@settings(max_examples=100, deadline=None)
@given(
    report=REPORT,
    source=st.none() | ANY_TEXT,
    color=st.booleans(),
    width=st.integers(0, 130),
    unicode=st.booleans(),
    verbose=st.booleans(),
)
def test_text_is_harmless_and_fits(
    *, report: Report, source: str | None, color: bool, width: int, unicode: bool, verbose: bool
) -> None:
    """No control character but newlines and our own colours; no line too wide."""
    text = render_text(
        report,
        color=color,
        width=width,
        unicode=unicode,
        root="/app",
        read_line=lambda _file, _line: source,
        verbose=verbose,
    )
    plain = re.sub(r"\x1b\[[0-9;]+m", "", text) if color else text
    assert plain.endswith("\n")
    lines = plain[:-1].split("\n")
    assert all(line.isprintable() and line == line.rstrip() for line in lines)
    assert unicode or plain.isascii()
    # The line that sums up is never broken.
    summary = [n for n, line in enumerate(lines) if re.match(r"raceway: .*(;|nothing was )", line)]
    assert all(
        display_width(line) <= max(60, width) for n, line in enumerate(lines) if n not in summary
    )
    if not verbose and all(finding.severity == "info" for finding in report.findings):
        incomplete = sum(not process.is_complete for process in report.processes)
        assert len(lines) == 1 + incomplete + bool(report.counts.internal_errors)


@settings(max_examples=60, deadline=None)
@given(report=REPORT)
def test_json_is_valid_and_keeps_the_facts(report: Report) -> None:
    """Any reader can decode it, and reads what the engine found."""
    text = encode_document(report_document(report))
    document = json.loads(text, parse_constant=pytest.fail)
    text.encode("ascii")
    json.dumps(document, ensure_ascii=False).encode("utf-8")  # no lone surrogates inside

    assert len(document["findings"]) == len(report.findings)
    assert document["exit_status"] == report.exit_status
    assert document["counts"]["accesses"] == report.counts.accesses
    for finding, found in zip(report.findings, document["findings"], strict=True):
        assert (finding.type, finding.severity, finding.certainty, finding.count) == (
            found["type"],
            found["severity"],
            found["certainty"],
            found["count"],
        )
        assert len(finding.accesses) == len(found["accesses"])
        for access, told in zip(finding.accesses, found["accesses"], strict=True):
            assert (access.access, access.role) == (told["access"], told["role"])
            assert access.has_value == ("value" in told)
            assert re.fullmatch(r".*:-?\d+", told["location"], re.DOTALL)
            assert len(access.stack) == len(told["stack"])


@settings(max_examples=60, deadline=None)
@given(report=REPORT, source=st.none() | ANY_TEXT, root=st.sampled_from(["", "/", "/app"]))
def test_other_formats_are_whole_and_harmless(
    *, report: Report, source: str | None, root: str
) -> None:
    """Any reader can decode them, and nothing of the program becomes markup or a command."""

    def read_line(_file: str, _line: int) -> str | None:
        return source

    text = render_sarif(report, root=root, read_line=read_line)
    log = json.loads(text, parse_constant=pytest.fail)
    json.dumps(log, ensure_ascii=False).encode("utf-8")  # no lone surrogates inside
    VALIDATOR.validate(log)
    assert len(log["runs"][0]["results"]) == len(report.findings)

    page = render_html(report, root=root, read_line=read_line)
    assert checked(page).classes.count("finding") == len(report.findings)

    suite = ET.fromstring(render_junit(report, root=root, read_line=read_line).encode())
    failures = sum(finding.severity != "info" for finding in report.findings)
    assert len(suite.findall(".//failure")) == failures == int(suite.get("failures", ""))
    assert len(suite.findall(".//testcase")) == int(suite.get("tests", ""))

    assert len(markdown_rows(render_markdown(report, root=root, read_line=read_line))) == (
        len(report.findings)
    )
    assert len(commands(workflow_commands(report, root=root))) == failures
