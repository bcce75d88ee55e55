"""The pages: complete without script, live with it, and never more than what was asked for."""

import subprocess
import sys
import threading

import pytest
from chromium import browser, watched
from running_server import ROOT, access, environment, event

__all__ = ["browser"]

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"
PAGES = ["/", "/timeline", "/variables", "/locks", "/runs", "/traces", "/services", "/login"]


def race(server, variable, **more):
    for thread in ("h:1", "h:2"):
        server.post([access(variable, "Write", 5, thread, thread=thread, **more)])
    (finding,) = [one for one in server.findings() if one["variable"] == variable]
    return finding


def test_what_was_captured_is_shown_as_text(server):
    names = {"service_name": HOSTILE, "instance_id": HOSTILE}
    kinds = [
        {"FunctionCall": {"function_name": HOSTILE, "module": HOSTILE, "args": HOSTILE, "file": HOSTILE, "line": 1}},
        {"LockAcquire": {"lock_id": HOSTILE, "lock_type": HOSTILE, "location": HOSTILE}},
    ]  # fmt: skip
    for kind in kinds:
        server.post([event(kind, thread=HOSTILE, metadata=names)])
    finding = race(server, HOSTILE, metadata=names)
    (run,) = server.data_of("/api/v1/runs")["runs"]
    traces = [one["trace_id"] for one in server.data_of("/api/traces")["traces"]]
    from urllib.parse import quote

    paths = [*PAGES, f"/findings/{finding['id']}", f"/variable?name={quote(HOSTILE)}",
             f"/runs?run={quote(run['id'])}", f"/?q={quote(HOSTILE)}",
             f"/service?name={quote(HOSTILE)}", f"/timeline?run={quote(run['id'])}",
             f"/timeline?finding={finding['id']}", *(f"/timeline?trace={one}" for one in traces),
             *(f"/traces/{one}" for one in traces)]  # fmt: skip
    for path in paths:
        answer = server.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text and "<img" not in answer.text, path
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_an_empty_server_says_what_to_do(server):
    text = server.get("/").text
    assert f"raceway-run --endpoint {server.url} python app.py" in text


def test_a_status_is_changed_by_a_form(server):
    finding = race(server, "x")
    url = f"{server.url}/findings/{finding['id']}"
    form = {"status": "suppressed", "reason": "by <design>"}
    refused = server.session.post(
        f"{url}/status", data=form, headers={"Origin": "http://evil.example"}
    )
    assert refused.status_code == 403
    page = server.session.post(f"{url}/status", data=form, headers={"Origin": server.url})
    assert page.status_code == 200 and "by &lt;design&gt;" in page.text
    assert finding["id"] in server.get(f"/findings/{finding['id']}/markdown").text


def test_static_files_have_their_licence(shared_server):
    assert "Zero-Clause BSD" in shared_server.get("/static/htmx.LICENSE").text
    for name in (
        "htmx.min.js", "pages.js", "pages.css", "report.css", "icon.svg", "timeline.css",
        "timeline_model.js", "timeline_view.js", "race_timeline.js",
    ):  # fmt: skip
        assert shared_server.get(f"/static/{name}").status_code == 200
    assert shared_server.get("/static/..%2Fviews.py").status_code == 404


def test_from_an_empty_server_to_the_explained_finding(server, browser, tmp_path):
    problems = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = watched(context, server.url, problems)
    page.goto(server.url)
    assert page.get_by_text("No events yet").is_visible()
    demo = str(ROOT / "examples" / "banking" / "demo.py")
    run = threading.Thread(
        target=subprocess.run,
        args=([sys.executable, "-m", "raceway_autopatch.launcher", "--endpoint", server.url,
               "--service", "bank", sys.executable, demo],),
        kwargs={"env": environment(), "cwd": ROOT, "capture_output": True, "timeout": 60},
    )  # fmt: skip
    run.start()
    page.wait_for_selector(".row.critical", timeout=30_000)  # nobody has loaded the page again
    run.join()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1 .severity")
    text = page.inner_text("main")
    assert "one update is lost" in text and "accounts_lock" in text and "hold" in text
    assert page.get_by_role("button", name="Copy as Markdown").is_visible()
    assert problems == []
    context.close()


@pytest.mark.parametrize(
    ("width", "scheme"), [pytest.param(1280, "light", marks=pytest.mark.slow), (390, "dark")]
)
def test_every_page_fits(server, browser, width, scheme):
    finding = race(server, "a.very.long.name.of.a.variable['with']['keys']" * 3)
    problems = []
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = watched(context, server.url, problems)
    others = [
        f"/findings/{finding['id']}",
        f"/timeline?finding={finding['id']}",
        "/service?name=shop",
    ]
    for path in [*PAGES, *others]:
        page.goto(server.url + path)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, path
        assert page.evaluate("document.querySelectorAll('main h1').length") == 1, path
    assert problems == []
    context.close()


def test_pages_can_be_read_without_script(server, browser):
    finding = race(server, "x")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.url)
    page.get_by_role("link", name="x").first.click()
    assert finding["id"] in page.inner_text("main") and "app.py:5" in page.inner_text("main")
    context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_new_since_the_page_was_loaded(server, browser, width):
    race(server, "old")
    problems = []
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = watched(context, server.url, problems)
    page.goto(server.url)
    bar = page.locator(".news")
    assert not bar.is_visible()
    race(server, "one")
    race(server, "two")
    page.get_by_text("2 new findings since you opened this page").wait_for()
    assert page.title().startswith("(2 new) ")
    assert sorted(page.locator(".row.new h2 code").all_inner_texts()) == ["one", "two"]

    only = page.get_by_role("button", name="Show only these")
    only.click()
    assert sum(row.is_visible() for row in page.locator(".row").all()) == 2
    race(server, "three")  # the list is another one then
    page.get_by_text("3 new findings").wait_for()
    assert sum(row.is_visible() for row in page.locator(".row").all()) == 3
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    only.click()
    assert all(row.is_visible() for row in page.locator(".row").all())

    page.get_by_role("button", name="Mark as seen").click()
    assert not bar.is_visible() and page.locator(".row.new").count() == 0
    assert not page.title().startswith("(")
    race(server, "four")
    page.get_by_text("1 new finding since").wait_for()
    assert problems == []
    context.close()


def test_findings_on_one_variable_are_together(server, browser):
    """One bug that shows in several places is one entry; it stays open when something comes in."""
    for file in ("cart.py", "order.py"):
        for thread in ("h:1", "h:2"):
            one = access("cart", "Write", 5, thread, thread=thread)
            one["kind"]["StateChange"]["location"] = f"{file}:5"
            server.post([one])
    server.wait(lambda: len(server.findings()) > 1, "both")
    race(server, "other")
    context = browser.new_context(viewport={"width": 390, "height": 900})
    page = context.new_page()
    page.goto(server.url)
    entries = page.locator("#list > .rows > .row")
    assert entries.count() == 2
    several = entries.filter(has_text="more on cart")
    assert not several.locator(".row").first.is_visible()
    several.locator("summary").click()
    number = several.locator(".row").count()
    assert several.get_by_text(f"{number} more on cart").is_visible()
    assert all(row.is_visible() for row in several.locator(".row").all())
    race(server, "third")
    page.get_by_text("1 new finding since").wait_for()
    assert entries.count() == 3
    assert several.locator(".row").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    context.close()
