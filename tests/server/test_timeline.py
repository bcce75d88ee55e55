"""Timelines of the server: who did what, in which order, of both kinds of senders."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from chromium import browser, watched
from running_server import ROOT, access, environment, event

__all__ = ["browser"]

TRACE = "11111111-1111-4111-8111-111111111111"
PROGRAM = """
import queue, threading
import raceway

shared = raceway.watch({"n": 0}, name="shared")
todo = queue.Queue()
lock = threading.Lock()

def produce():
    with lock:
        shared["n"] = 1
    todo.put(1)

def consume():
    todo.get()
    shared["n"]

threads = [threading.Thread(target=one, name=one.__name__) for one in (produce, consume)]
for one in threads:
    one.start()
for one in threads:
    one.join()
"""


def events_of(document):
    """Return the events as readable tuples: who, what, value."""
    texts, columns = document["texts"], document["events"]
    rows = zip(
        *(columns[name] for name in ("actor", "kind", "detail", "name", "value")), strict=True
    )
    return [
        (texts[document["actors"][actor][0]], document["kinds"][kind], texts[detail], texts[name],
         texts[value])
        for actor, kind, detail, name, value in rows
    ]  # fmt: skip


def orders_of(document):
    found = events_of(document)
    return {(kind, found[one][:4], found[two][:4]) for kind, one, two in document["orders"]}


@pytest.fixture
def program(server, tmp_path):
    """Run the program against a server; return the server."""
    path = tmp_path / "app.py"
    path.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "raceway_autopatch.launcher", "--endpoint", server.url,
         "--service", "app", sys.executable, str(path)],
        env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    server.analysed()
    return server


def test_a_program(program):
    (run,) = program.data_of("/api/v1/runs")["runs"]
    document = program.data_of("/api/v1/timeline", params={"run": run["id"]})
    found = events_of(document)
    put = ("produce", "access", "write", "shared['n']")
    got = ("consume", "access", "read", "shared['n']")
    assert (*put, "1") in found and (*got, "") in found
    assert ("produce", "hold", "", "lock", "") in found
    orders = orders_of(document)
    assert ("order", put, got) in orders  # by the queue
    started = {two[0] for kind, one, two in orders if kind == "start" and one[0] == "MainThread"}
    assert started == {"produce", "consume"}
    names = [document["texts"][actor[0]] for actor in document["actors"]]
    assert names == ["MainThread", "produce", "consume"]
    assert document["omitted"] == 0 and "ms" in document["events"]
    perfetto = program.get("/api/v1/timeline/trace.json", params={"run": run["id"]})
    assert any(one["name"] == "write shared['n']" for one in perfetto.json()["traceEvents"])
    assert "attachment" in perfetto.headers["content-disposition"]


def sent(kind, at, thread="h:w", service="shop", **more):
    metadata = {"service_name": service, "instance_id": f"{service}-1", **more.pop("metadata", {})}
    return event(kind, trace=TRACE, thread=thread, at=at, metadata=metadata, **more)


def request(at, **more):
    return sent(
        {"HttpRequest": {"method": "GET", "url": "/x", "headers": {}, "body": None}}, at, **more
    )


def test_a_trace_of_two_services(server):
    first = request(0.0)
    lock = {"lock_id": "m", "lock_type": "Mutex", "location": "a.py:1"}
    change = {
        "variable": "v",
        "old_value": None,
        "new_value": 7,
        "location": "a.py:2",
        "access_type": "Write",
    }
    other = sent({"StateChange": change}, 0.4, "h:x", "ledger", parent_id=first["id"])
    response = {"status": 201, "headers": {}, "body": None, "duration_ms": 5}
    server.post([
        first, sent({"LockAcquire": lock}, 0.1), sent({"StateChange": change}, 0.2),
        sent({"LockRelease": lock}, 0.3), other, sent({"HttpResponse": response}, 0.5),
    ])  # fmt: skip
    server.analysed()
    document = server.data_of("/api/v1/timeline", params={"trace": TRACE})
    assert [one["name"] for one in document["processes"]] == ["shop#shop-1", "ledger#ledger-1"]
    found = events_of(document)
    assert ("w", "request", "201", "GET /x", "") in found
    assert ("w", "hold", "", "m", "") in found
    assert ("x", "access", "write", "v", "7") in found
    assert max(document["events"]["ms"]) == pytest.approx(400, abs=1)


def test_every_kind_of_event(server):
    """What the documentation's example has of each kind can be shown."""
    batch = json.loads((Path(__file__).parent / "example_batch.json").read_text())
    server.post(batch["events"])
    server.analysed()
    told = []
    for trace in {one["trace_id"] for one in batch["events"]}:
        document = server.data_of("/api/v1/timeline", params={"trace": trace})
        told += [f"{kind} {name}" for _, kind, _, name, _ in events_of(document)]
        assert server.get(f"/timeline?trace={trace}").status_code == 200
        assert server.get(f"/traces/{trace}").status_code == 200
    for wanted in (
        "note waits for",
        "note starts",
        "query ",
        "note calls",
        "access",
        "request",
    ):
        assert any(one.startswith(wanted) for one in told), (wanted, told)


def test_requests_of_one_thread_are_in_one_row(server):
    for number in range(3):
        server.post([access("v", "Write", 5, number, at=float(number))])
    server.analysed()
    document = server.data_of("/api/v1/timeline", params={"run": "shop#host-1"})
    assert len(document["actors"]) == 1
    assert [value for *_, value in events_of(document)] == ["0", "1", "2"]


def test_around_a_finding(server):
    for thread in ("h:1", "h:2"):
        server.post([access("v", "Write", 5, thread, thread=thread)])
    (finding,) = server.findings()
    document = server.data_of("/api/v1/timeline", params={"finding": finding["id"]})
    (told,) = document["findings"]
    assert told["id"] == finding["id"] and len(told["events"]) == 2
    page = server.get(f"/timeline?finding={finding['id']}").text
    assert "app.py:5" in page and f'focus="{finding["id"]}"' in page  # the table needs no script


def test_some_of_many(server):
    """The latest are shown, and there is a way to more."""
    for number in range(3):
        server.post([access(f"v{number}-{n}", "Write", 5, n, at=float(number)) for n in range(20)])
        server.analysed()
    document = server.data_of("/api/v1/timeline", params={"run": "shop#host-1", "limit": 20})
    names = [name for _, _, _, name, _ in events_of(document)]
    assert "v2-19" in names and "v0-0" not in names and document["omitted"] in (20, 40)
    page = server.get("/timeline", params={"run": "shop#host-1", "limit": 20}).text
    assert "up to 100,000 events" in page
    assert "up to 100,000 events" not in server.get("/timeline").text


def test_what_is_not_there(server):
    for question, status in (({}, 400), ({"run": "x"}, 404), ({"trace": "x"}, 400),
                             ({"trace": TRACE}, 404), ({"finding": "RW-1"}, 404),
                             ({"run": "x", "limit": "0"}, 400)):  # fmt: skip
        answer = server.get("/api/v1/timeline", params=question)
        assert answer.status_code == status, question
        assert answer.json()["error"]
    assert "No events yet" in server.get("/timeline").text


def test_a_process_that_waits_for_nobody_is_not_waited_for(program):
    """A request whose caller is not in the timeline does not hold it up."""
    span = {"http.span": "00f067aa0ba902b7", "http.direction": "in", "raceway.position": "5 5 0 1"}
    metadata = {"tags": span, "upstream_span_id": "1111111111111111", "instance_id": "h-1"}
    kind = {"HttpRequest": {"method": "GET", "url": "/", "headers": {}, "body": None}}
    change = {
        "variable": "v",
        "old_value": None,
        "new_value": 1,
        "location": "a.py:2",
        "access_type": "Write",
    }
    program.post([
        event(kind, trace=TRACE, metadata=metadata),
        event({"StateChange": change}, trace=TRACE,
              metadata={**metadata, "tags": {"raceway.position": "5 5 0 2"}}),
    ])  # fmt: skip
    program.analysed()
    document = program.data_of("/api/v1/timeline", params={"trace": TRACE})
    assert [one[1] for one in events_of(document)] == ["request", "access"]


def test_in_a_browser(program, browser):
    """The element draws what the server says, and asks nobody else."""
    problems = []
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    page = watched(context, program.url, problems)
    page.goto(f"{program.url}/timeline")
    page.wait_for_selector(".timeline-canvas")
    labels = page.evaluate("document.querySelector('race-timeline').model.rows.map((r) => r.label)")
    assert labels[1:] == ["MainThread", "produce", "consume", "lock"]
    page.locator(".timeline-canvas").focus()
    page.keyboard.press(".")
    assert "MainThread" in page.inner_text(".timeline-details")
    page.keyboard.press("f")  # to the thread that was started
    assert "produce" in page.inner_text(".timeline-details")
    page.get_by_role("link", name="for Perfetto").wait_for()
    assert problems == []
    context.close()


def test_the_table_is_there_without_script(program, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{program.url}/timeline")
    assert "write shared['n']" in page.inner_text("race-timeline table")
    context.close()


def test_json_is_small(program):
    """Texts are told once: what is said of an event are numbers."""
    text = program.get(
        "/api/v1/timeline", params={"run": program.data_of("/api/v1/runs")["runs"][0]["id"]}
    ).text
    assert json.dumps("shared['n']") in text and text.count("shared['n']") == 1
