"""How long threads wait for locks that others have: in a report, and with a server."""

import json

import pytest
from endpoint.test_both import launch
from server.running_server import running

PROGRAM = """
    import os, threading

    lock = threading.Lock()
    table = threading.RLock()
    free = threading.Lock()

    def fight():
        # Whoever has said that it is about to wait goes on running until it does, but for a few.
        for kept in (lock, table):
            for _ in range(50):
                about = threading.Event()

                def wait():
                    about.set()
                    with kept:
                        pass

                with kept:
                    with free:
                        waiter = threading.Thread(target=wait)
                    waiter.start()
                    about.wait()
                waiter.join()

    if os.fork() == 0:
        fight()
        os._exit(0)
    os.wait()
    fight()
"""


@pytest.mark.parametrize("pure", ["", "1"], ids=["accelerated", "pure"])
def test_what_a_report_and_a_server_say(tmp_path, monkeypatch, pure):
    monkeypatch.setenv("RACEWAY_PURE_PYTHON", pure)
    with running(tmp_path / "data") as server:
        done = launch(tmp_path, server.url, PROGRAM, "--report", "r.json", "--report", "r.html")
        assert done.returncode == 0, done.stderr
        server.analysed()
        sent = server.data_of("/api/v1/locks")["locks"]
        page = server.get("/locks").text

    waits = json.loads((tmp_path / "r.json").read_text())["lock_waits"]
    assert {wait["name"] for wait in waits} == {"lock", "table"}
    for wait in waits:
        assert wait["location"].endswith((":4", ":5"))
        assert wait["count"] <= 100
        assert 0 < wait["longest_ns"] <= wait["total_ns"]
    assert "Locks were waited for" in (tmp_path / "r.html").read_text()

    for wait in waits:
        both = [lock for lock in sent if lock["name"] == wait["name"]]
        assert len(both) == 2  # the copy of a forked process is a lock of its own
        assert sum(lock["waits"] for lock in both) == wait["count"]
        assert sum(lock["waited"] for lock in both) == wait["total_ns"]
        assert max(lock["longest_wait"] for lock in both) == wait["longest_ns"]
    assert sum(lock["waits"] for lock in sent) == sum(wait["count"] for wait in waits)
    assert "waiting in all" in page
