"""The timeline of the HTML report in a real browser."""

import pytest
from chromium import browser, watched

from raceway.model.findings import Access, Actor, Finding, Frame, Report
from raceway.model.run_trace import RunTrace, TracedActor, TracedEvent, TracedOrder
from raceway.report.html_report import render_html

__all__ = ["browser"]

WORKERS = 30
MANY = 100_000


def report_of(count):
    """Return a report of a run with so many events."""
    kinds = ("read", "write", "read")
    actors = tuple(
        TracedActor(n + 1, f"worker-{n}", "thread", 7, n, 2 * count, n + 1) for n in range(WORKERS)
    )
    events = []
    for n in range(count):
        who = n % WORKERS + 1
        if n % 5 == 4:
            events.append(
                TracedEvent("hold", 2 * n, 2 * n + 9, who, f"lock {n % 4}", other=100 + n % 4)
            )
        else:
            word, name = kinds[n % 3], f"cart[{n % 20}]"
            place = {"file": "/app/a.py", "line": n % 90 + 1, "value": str(n)}
            events.append(TracedEvent("access", 2 * n, 2 * n, who, name, word, **place))
    orders = tuple(
        TracedOrder("order", events[n].actor, 2 * n, events[n + 1].actor, 2 * n + 2)
        for n in range(0, count - 1, 10)
        if "hold" not in (events[n].kind, events[n + 1].kind)
    )
    return actors, tuple(events), orders


def written(path, count, findings=()):
    actors, events, orders = report_of(count)
    trace = RunTrace(actors, events, 0, 0, orders)
    path.write_text(render_html(Report(findings, run_trace=trace), root="/app"))
    return path.as_uri()


def finding(count):
    """Return a finding of two accesses in the middle of the run."""
    _, events, _ = report_of(count)
    sides = []
    for event in events[count // 2 :]:
        if event.kind == "access" and event.name == events[count // 2 + 1].name:
            frames = (Frame(event.file, event.line, "f"),)
            kind = event.detail
            sides.append(Access(kind, kind, Actor(f"worker-{event.actor - 1}"), frames))
        if len(sides) == 2:
            break
    return Finding(
        "RW-1", "data-race", "critical", "observed", variable=events[count // 2 + 1].name,
        message="m", accesses=tuple(sides), locks=(), why="", fix="", steps=(), count=1, process=7,
    )  # fmt: skip


@pytest.fixture
def page(browser, tmp_path):
    """Open a report with 600 events and a finding; nothing may be asked of anybody."""
    problems = []
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    found = watched(context, "file:", problems)
    found.goto(written(tmp_path / "report.html", 600, (finding(600),)))
    found.wait_for_selector(".timeline-canvas")
    yield found
    assert problems == []
    context.close()


def state(page, expression):
    return page.evaluate(
        f"(() => {{ const e = document.querySelector('race-timeline'); return {expression}; }})()"
    )


def settled(page):
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_it_begins_at_the_finding(page):
    """Both accesses are in sight, one is told about, and the variable has a row of its own."""
    assert state(page, "e.model.findings[0].events.length") == 2
    assert state(
        page,
        "e.model.findings[0].events.every((n) => e.model.at[n] > e.view.left && e.model.at[n] < e.view.right)",
    )
    assert "RW-1 Data race" in page.inner_text(
        ".timeline-details"
    ) or "data race" in page.inner_text(".timeline-details")
    assert state(page, "e.view.variable.label").startswith("cart[")
    assert not page.locator(".timeline-table").get_attribute("open")


def test_a_finding_leads_to_the_timeline(page):
    page.locator(".timeline-canvas").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("0")
    page.get_by_role("link", name="In the timeline").click()
    assert state(page, "e.view.selected === e.model.findings[0].events[0] && e.view.span < 200")


def test_mouse_and_wheel(page):
    canvas = page.locator(".timeline-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    spot = state(page, "e.view.spot(e.model.findings[0].events[1])")
    page.mouse.click(box["x"] + spot["x"], box["y"] + 40)  # in the row of the variable
    assert state(page, "e.view.selected === e.model.findings[0].events[1]")
    before = state(page, "e.view.span")
    page.mouse.move(box["x"] + 600, box["y"] + 100)
    at = state(page, "e.view.at(600)")
    page.mouse.wheel(0, -200)
    page.wait_for_function(
        "(was) => document.querySelector('race-timeline').view.span < was * 0.8", arg=before
    )
    assert state(page, "e.view.at(600)") == pytest.approx(at, abs=state(page, "e.view.span") / 100)
    left = state(page, "e.view.left")
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 100, steps=4)
    page.mouse.up()
    moved = state(page, "e.view.left") - left
    assert moved == pytest.approx(100 / state(page, "e.view.scale"), rel=0.2)
    page.mouse.click(box["x"] + 600, box["y"] + box["height"] - 2)


def test_the_wheel_belongs_to_the_page_until_it_is_clicked(page):
    canvas = page.locator(".timeline-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    span, scrolled = state(page, "e.view.span"), page.evaluate("scrollY")
    page.mouse.move(box["x"] + 600, box["y"] + 60)
    page.mouse.wheel(0, -120)
    page.wait_for_function("(was) => scrollY < was", arg=scrolled)
    assert state(page, "e.view.span") == span


def test_keys(page):
    page.locator(".timeline-canvas").focus()
    span = state(page, "e.view.span")
    page.keyboard.press("-")
    assert state(page, "e.view.span") == pytest.approx(span * 1.6)
    page.keyboard.press("+")
    left = state(page, "e.view.left")
    page.keyboard.press("ArrowRight")
    assert state(page, "e.view.left") > left
    selected = state(page, "e.view.selected")
    page.keyboard.press(".")
    page.keyboard.press(",")
    assert state(page, "e.view.selected") == selected
    page.keyboard.press("]")
    name = "e.model.nameOf(e.view.selected)"
    assert state(page, "e.view.selected") != selected
    assert state(page, name) == state(page, "e.view.variable.label")
    page.keyboard.press("0")
    assert state(page, "e.view.left < e.model.begin && e.view.right > e.model.end")
    page.keyboard.press("Escape")
    assert state(page, "e.view.selected") == -1 and page.inner_text(".timeline-details") == ""


def test_along_an_arrow_and_back(page):
    first = state(page, "e.model.from[0]")
    state(page, "e.select(e.model.from[0])")
    page.locator(".timeline-canvas").focus()
    page.keyboard.press("f")
    assert state(page, "e.view.selected") == state(page, "e.model.to[0]")
    assert "comes after" in page.inner_text(".timeline-details")
    page.keyboard.press("b")
    assert state(page, "e.view.selected") == first
    page.locator(".timeline-link").first.click()
    assert state(page, "e.view.selected") == state(page, "e.model.to[0]")


def test_what_is_looked_for_is_all_that_is_drawn(page):
    settled(page)
    drawn = "e.view.buckets.reduce((n, bucket) => n + bucket.length / 4, 0)"
    all_of_it = state(page, drawn)
    page.get_by_label("Show only what has this in its name").fill("nothing has this name")
    settled(page)
    assert all_of_it > 0 and state(page, drawn) == 0


def test_touch(browser, tmp_path):
    """One finger pans, two zoom."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = context.new_page()
    page.goto(written(tmp_path / "report.html", 600))
    canvas = page.locator(".timeline-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    wire = context.new_cdp_session(page)

    def touch(kind, *xs):
        points = [{"x": box["x"] + x, "y": box["y"] + 60, "id": n} for n, x in enumerate(xs)]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    span = state(page, "e.view.span")
    touch("touchStart", 180)
    touch("touchStart", 180, 240)
    for apart in (10, 20, 30):
        touch("touchMove", 180 - apart, 240 + apart)
    touch("touchEnd")
    assert state(page, "e.view.span") == pytest.approx(span / 2, rel=0.2)
    left = state(page, "e.view.left")
    touch("touchStart", 300)
    for x in (280, 240, 200):
        touch("touchMove", x)
    touch("touchEnd")
    assert state(page, "e.view.left") > left
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_a_hundred_thousand_events(browser, tmp_path):
    """All of them in sight are drawn in a fraction of a second, a part of them in no time.

    A frame takes a third of what is allowed here on a machine with nothing else to do.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(written(tmp_path / "report.html", MANY))
    page.wait_for_selector(".timeline-canvas")
    frames = state(
        page,
        """[1, 0.01].map((part) => {
             const found = [];
             e.view.fit();
             e.view.zoom(part);
             for (let n = 0; n < 15; n++) { e.view.pan(n % 2 ? 9 : -9); e.view.draw(); found.push(e.view.frame); }
             return found.sort((one, two) => one - two)[3];
           })""",
    )
    assert state(page, "e.model.count") == MANY
    assert frames[0] < 100 and frames[1] < 20, frames
    page.evaluate("document.querySelector('race-timeline').view.fit()")
    page.evaluate("document.querySelector('race-timeline').draw()")
    settled(page)
    assert "arrows here: zoom in" in page.inner_text(".timeline-status")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_theme(browser, tmp_path, scheme):
    context = browser.new_context(viewport={"width": 700, "height": 600}, color_scheme=scheme)
    page = context.new_page()
    page.goto(written(tmp_path / "report.html", 60))
    page.wait_for_selector(".timeline-canvas")
    settled(page)
    bright = "[...e.canvas.getContext('2d').getImageData(e.canvas.width - 30, e.canvas.height - 8, 1, 1).data][0] > 127"
    assert state(page, bright) is (scheme == "light")
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    settled(page)
    assert state(page, bright) is (scheme == "dark")
    context.close()
