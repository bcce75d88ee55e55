"""What happened, for the element that draws it and for readers without a script."""

import json
from dataclasses import replace

import pytest
from report.markup import checked

from raceway.model.findings import Access, Actor, Finding, Frame, LockRef, Report
from raceway.model.run_trace import RunTrace, TracedActor, TracedEvent, TracedOrder
from raceway.report.html_report import render_html
from raceway.report.run_timeline import KINDS, Timeline, script_text
from raceway.report.traced import TracedAccesses

ACTORS = (
    TracedActor(1, "MainThread", "main", 7, 0, 9, 1),
    TracedActor(2, "w", "thread", 7, 1, 9, 2),
    TracedActor(3, "Task-1", "task", 7, 2, 9, 1),
)
PLACE = {"file": "/app/a.py", "line": 3, "function": "f"}


def access(at, actor, detail, name="x", **more):
    return TracedEvent("access", at, at, actor, name, detail, **{**PLACE, **more})


def side(actor, kind):
    return Access(kind, kind, Actor(actor), (Frame("/app/a.py", 3, "f"),))


def finding(*accesses, **more):
    told = {
        "variable": "x",
        "locks": (),
        "why": "",
        "fix": "",
        "steps": (),
        "count": 1,
        "process": 7,
    }
    return Finding(
        "RW-1",
        "data-race",
        "critical",
        "observed",
        message="",
        accesses=accesses,
        **{**told, **more},
    )


def report(*events, findings=(), **more):
    return Report(findings, run_trace=RunTrace(ACTORS, events, **more))


def test_the_document():
    """Columns of numbers; texts once; orders between positions."""
    events = (
        TracedEvent("start", 1, 1, 1, "w", other=2),
        access(2, 2, "read", locks=("m", "n"), value="1"),
        TracedEvent("hold", 2, 5, 2, "m", other=40),
        access(6, 3, "write"),
    )
    order = TracedOrder("start", 1, 1, 2, 2)
    document = Timeline(report(*events, orders=(order,), omitted=5), "/app").document()
    texts, columns = document["texts"], document["events"]
    assert [KINDS[kind] for kind in columns["kind"]] == ["start", "access", "hold", "access"]
    assert columns["at"] == [1, 2, 2, 6] and columns["length"] == [0, 0, 3, 0]
    assert [texts[one] for one in columns["place"]] == ["", "a.py:3", "", "a.py:3"]
    assert texts[columns["held"][1]] == "m, n" and texts[columns["value"][1]] == "1"
    assert columns["other"][0] == 1  # the position of the actor
    assert document["orders"] == [["start", 0, 1]]
    assert document["locks"] == [[40, texts.index("m"), 0]]
    parents = [actor[3] for actor in document["actors"]]
    assert parents == [-1, -1, 0]  # the task is below its thread
    assert document["omitted"] == 5 and "ms" not in columns
    assert len(set(texts)) == len(texts)


def test_times_where_they_are_known():
    events = (access(1, 1, "read", time=10**18), access(2, 1, "read", time=10**18 + 1_500_000))
    assert Timeline(report(*events)).document()["events"]["ms"] == [0.0, 1.5]


def test_a_finding_is_where_its_accesses_are_close_together():
    """What happened once tells where; of what happened often the nearest is taken."""
    often = [access(at, 2, "write") for at in range(10, 90, 10)]
    once = access(33, 1, "read")
    events = sorted([*often, once], key=lambda one: one.at)
    told = finding(side("MainThread", "read"), side("w", "write"))
    positions = TracedAccesses(RunTrace(ACTORS, tuple(events))).of(told)
    assert [events[one].at for one in positions] == [30, 33]


def test_an_inversion_is_where_its_locks_were_taken():
    events = (TracedEvent("hold", 2, 5, 2, "m", other=40, **PLACE), access(3, 2, "write"))
    told = finding(side("w", "write"), variable="", locks=(LockRef("m"),))
    assert TracedAccesses(RunTrace(ACTORS, events)).of(told) == [0]


def test_rows():
    """What is around the finding; without one the latest."""
    events = [access(at, 2, "write", "y") for at in range(1000)]
    events[500] = access(500, 1, "read", value="'v'", locks=("m",))
    told = finding(side("MainThread", "read"))
    rows = Timeline(report(*events, findings=(told,)), "/app").rows(20)
    assert 490 <= rows[0].at <= 500 <= rows[-1].at <= 510
    (part,) = [row for row in rows if row.finding]
    assert part == (500, "MainThread", "read x", "'v'", "a.py:3", "m", "RW-1")
    assert [row.at for row in Timeline(report(*events)).rows(20)] == list(range(980, 1000))


def test_in_the_page():
    """The data is no markup, whatever stands in it, and no script that is run."""
    bad = "</script><!--<script>alert(1)"
    told = finding(side("MainThread", "read"))
    shown = report(access(1, 1, "read", bad, value=bad), access(2, 1, "read"), findings=(told,))
    page = checked(render_html(shown, root="/app", read_line=lambda *_: None))
    (data,) = page.data
    assert bad in json.loads(data)["texts"]
    assert page.text.count(bad) == 2  # in the table
    assert page.links == ["timeline", "timeline"]  # of the page, and of the finding
    assert "timeline" in page.ids


def test_without_a_trace():
    page = checked(render_html(Report(), root=""))
    assert page.data == [] and "race-timeline" not in page.raw["script"][0]
    with pytest.raises(ValueError, match="no trace"):
        Timeline(Report())


def test_script_text_can_be_read():
    assert json.loads(script_text({"a": "<&>"})) == {"a": "<&>"}
    assert Timeline(replace(report(), command=("x",))).is_empty
