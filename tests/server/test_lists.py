"""Pages of runs, locks, variables, traces and services: what they say, and that they keep up."""

import re
import uuid
from xml.etree import ElementTree as ET

import pytest
from chromium import browser, watched
from running_server import access, event, running

__all__ = ["browser"]

LOCKS = ("LockAcquire", "LockRelease")


def took(lock, thread, at, kind="LockAcquire", **more):
    fields = {"lock_id": lock, "lock_type": "Mutex", "location": "app.py:1"}
    return event({kind: fields}, thread=thread, at=at, **more)


def nested(outer, inner, thread, at):
    return [
        took(outer, thread, at),
        took(inner, thread, at + 0.01),
        took(inner, thread, at + 0.02, "LockRelease"),
        took(outer, thread, at + 0.03, "LockRelease"),
    ]


def test_locks_that_are_taken_in_a_circle_are_marked(server):
    server.post(
        [*nested("m", "n", "h:1", 0), *nested("n", "m", "h:2", 1), *nested("m", "o", "h:1", 2)]
    )
    server.analysed()
    text = server.get("/locks").text
    picture = ET.fromstring(re.search("<svg class=.graph.*?</svg>", text, re.DOTALL)[0])
    edges = [path.get("class") for path in picture.iter("path") if path.get("marker-end")]
    assert sorted(edges) == ["edge", "edge-circle", "edge-circle"]
    assert "1 circle in the order" in text


def test_locks_that_were_made_on_one_line(server):
    """They have one name, and are two: one is taken inside the other."""
    trace = str(uuid.uuid4())
    tags = {"lock_name": "Lock at app.py:7", "lock_location": "app.py:7"}
    for one in nested("1", "2", "h:1", 0):
        one["metadata"]["tags"] |= tags
        server.post([one | {"trace_id": trace}])
    server.analysed()
    text = server.get("/locks").text
    assert (
        'class="edge"' in text and "Lock at app.py:7 #1" in text and "Lock at app.py:7 #2" in text
    )
    document = server.data_of("/api/v1/timeline", params={"trace": trace})
    assert len({document["texts"][name] for _, name, _ in document["locks"]}) == 2


def test_each_run_has_its_circle(server):
    for at, instance in enumerate("ab"):
        for thread, locks in (("1", "mn"), ("2", "nm")):
            more = {"metadata": {"instance_id": instance}, "trace": str(uuid.uuid4())}
            sent = [
                took(lock, f"{instance}:{thread}", 10 * at + int(thread) + n / 10, kind, **more)
                for n, (lock, kind) in enumerate(
                    zip((*locks, *locks[::-1]), sorted(2 * LOCKS), strict=True)
                )
            ]
            server.post(sent)
    (finding,) = server.findings()
    found = server.data_of(f"/api/v1/findings/{finding['id']}")
    assert [one["run"] for one in found["runs"]] == ["shop#a", "shop#b"]


def test_contention(server):
    """How often a lock went to somebody else, and how long it was held."""
    for at, thread in enumerate(("h:1", "h:1", "h:2", "h:1")):
        server.post([took("m", thread, at), took("m", thread, at + 0.25, "LockRelease")])
    server.analysed()
    (lock,) = server.data_of("/api/v1/locks")["locks"]
    assert (lock["taken"], lock["handed"], lock["held"]) == (4, 2, 1_000_000_000)
    text = server.get("/locks").text
    assert "2 (50 %)" in text and "250.00 ms" in text


def test_a_recording_without_times_has_no_durations(server):
    """The times of a program's events are those of their replay."""
    tags = {"tags": {"raceway.position": "1 1 0 1"}}
    server.post(
        [took("m", "h:1", 0, metadata=tags), took("m", "h:1", 9, "LockRelease", metadata=tags)]
    )
    server.analysed()
    (lock,) = server.data_of("/api/v1/locks")["locks"]
    assert (lock["taken"], lock["held"], lock["longest"]) == (1, 0, 0)


def raced(server, variable, instance, at):
    """Let a run have a race."""
    more = {"metadata": {"instance_id": instance}}
    for thread in ("1", "2"):
        who = f"{instance}:{thread}"
        server.post([access(variable, "Write", 5, 1, thread=who, at=at + int(thread), **more)])
    server.analysed()


def test_what_a_run_has_found(server):
    """New, known, not seen any more; and what was gone and is there again."""
    for at, (instance, variables) in enumerate((("a", "xz"), ("b", "yz"), ("c", "xzn"))):
        for variable in variables:
            name = f"{variable} of {instance if variable == 'z' else ''}"
            raced(server, name, instance, 10 * at)
    compared = server.data_of(
        "/api/v1/runs/compare", params={"before": "shop#b", "after": "shop#c"}
    )
    found = {
        name: sorted(one["variable"] for one in compared[name])
        for name in ("new", "regressed", "known", "gone")
    }
    assert found == {
        "new": ["n of ", "z of c"],
        "regressed": ["x of "],
        "known": [],
        "gone": ["y of ", "z of b"],
    }
    page = server.get("/runs", params={"before": "shop#b", "after": "shop#c"}).text
    assert "Regressed: an earlier run had it, too (1)" in page


def test_each_run_counts(server):
    """What two runs have seen is counted for both."""
    for at, instance in enumerate("ab"):
        raced(server, "v", instance, 10 * at)
    runs = {one["id"]: one["findings"] for one in server.data_of("/api/v1/runs")["runs"]}
    assert runs == {"shop#a": 1, "shop#b": 1}


def test_what_is_read_is_not_told(server):
    """No value is not the value None."""
    for thread in ("h:1", "h:2"):
        server.post(
            [access("v", "Read", 4, None, thread=thread), access("v", "Write", 5, 7, thread=thread)]
        )
    findings = server.findings()
    assert findings
    assert not any("None" in server.get(f"/findings/{one['id']}").text for one in findings)
    assert "None" not in server.get("/variable?name=v").text


def test_a_variable(server):
    """Who accesses it under which locks, and where it races."""
    for thread, locks in (("h:1", ["m"]), ("h:2", [])):
        server.post([access("v", "Write", 5, 7, thread=thread, lock_set=locks)])
    server.analysed()
    text = server.get("/variable?name=v").text
    assert "no lock" in text and text.count("races here") == 2


def test_the_tree_of_a_trace(server):
    """Each event stands below its parent, also where parents form a circle."""
    trace = str(uuid.uuid4())
    names = ("root", "first", "below first", "second")
    sent = [
        event({"Custom": {"name": name, "data": {}}}, trace=trace, at=number * 0.1)
        for number, name in enumerate(names)
    ]
    sent[1]["parent_id"] = sent[3]["parent_id"] = sent[0]["id"]
    sent[2]["parent_id"] = sent[1]["id"]
    odd = [
        event({"Custom": {"name": name, "data": {}}}, trace=trace, at=2.0)
        for name in ("egg", "hen")
    ]
    odd[0]["parent_id"], odd[1]["parent_id"] = odd[1]["id"], odd[0]["id"]
    server.post([sent[0], sent[3], *odd, *sent[1:3]])
    text = server.get(f"/traces/{trace}").text
    rows = re.findall(r'<td class="depth-(\d+)">Custom\((.*?)\)', text)
    assert rows[:4] == [("0", "root"), ("1", "first"), ("2", "below first"), ("1", "second")]
    assert sorted(name for _, name in rows[4:]) == ["egg", "hen"]


def test_a_service(server):
    trace = str(uuid.uuid4())
    spans = (("shop", "s1", None), ("ledger", "s2", "s1"))
    for service, span, upstream in spans:
        metadata = {
            "service_name": service,
            "distributed_span_id": span,
            "upstream_span_id": upstream,
        }
        request = {"method": "GET", "url": "/", "headers": {}, "body": None}
        server.post([event({"HttpRequest": request}, trace=trace, metadata=metadata)])
    server.analysed()
    for path in ("/services", "/service?name=ledger"):
        text = server.get(path).text
        assert 'href="/service?name=shop"' in text and 'class="graph"' in text, path
    assert server.get("/service?name=nobody").status_code == 404


def test_a_page_keeps_up(tmp_path, browser):
    """What comes in is in a page that nobody has loaded again, also if it waited for others."""
    (tmp_path / "raceway.toml").write_text("[engine]\ndelay_ms = 3500\n")
    problems = []
    context = browser.new_context()
    with running(tmp_path / "data", cwd=tmp_path) as server:
        page = watched(context, server.url, problems)
        page.goto(f"{server.url}/variables")
        server.post([access("brand.new", "Write", 5, 1)])
        page.get_by_role("link", name="brand.new").wait_for(timeout=20_000)
        context.close()
    assert problems == []


def test_a_page_catches_up_when_nobody_is_in_it_any_more(server, browser):
    """A part that has the focus stays as it is, and is renewed once the focus has gone."""
    context = browser.new_context()
    page = watched(context, server.url, [])
    server.post([access("known", "Write", 5, 1)])
    server.analysed()
    page.goto(f"{server.url}/variables")
    page.evaluate("document.body.addEventListener('stored', () => { document.body.id = 'told'; })")
    page.get_by_role("link", name="known").focus()
    server.post([access("brand.new", "Write", 6, 1)])
    page.locator("body#told").wait_for(timeout=20_000)
    server.analysed()
    assert page.get_by_role("link", name="brand.new").count() == 0
    page.evaluate("document.activeElement.blur()")
    page.get_by_role("link", name="brand.new").wait_for(timeout=20_000)
    context.close()


def test_an_older_store_gets_its_column(tmp_path):
    """A data folder of an earlier version is opened."""
    from raceway.server.event_store import connect
    from raceway.server.findings_store import FILE, FindingsStore

    store = FindingsStore(tmp_path)
    store.create()
    with connect(tmp_path / FILE, writes=True) as db:
        db.execute("ALTER TABLE lock DROP COLUMN handed")
    db.close()
    store.create()
    store.create()
    assert store.ask("SELECT handed FROM lock") == []


@pytest.mark.parametrize("path", ["/", "/runs", "/timeline"])
def test_an_empty_server_has_pages(shared_server, path):
    assert shared_server.get(path).status_code == 200
