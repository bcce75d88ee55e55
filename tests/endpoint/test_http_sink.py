"""An instrumented program with an endpoint: what a Raceway server gets, and can conclude."""

import os
import subprocess
import sys
import textwrap

import pytest
from wire_server import Clocks, WireServer

LAUNCHER = [sys.executable, "-m", "raceway_autopatch.launcher"]


@pytest.fixture
def server():
    server = WireServer()
    yield server
    server.stop()


def run(server, tmp_path, program, *options):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(program))
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [root, env.get("PYTHONPATH")]))
    return subprocess.run(
        [*LAUNCHER, "--endpoint", f"http://127.0.0.1:{server.port}", "--service", "shop",
         *options, sys.executable, str(path)],
        capture_output=True, text=True, timeout=60, env=env, check=False,
    )  # fmt: skip


RACY = """
    import threading
    import raceway

    class Counter:
        def __init__(self):
            self.n = 0

    counter = raceway.watch(Counter(), name="counter")
    lock = threading.Lock()

    def work():
        counter.n += 1
        with lock:
            pass

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counter.n = 7
    print("done")
"""


def test_what_the_server_gets(server, tmp_path):
    done = run(server, tmp_path, RACY)

    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
    events = server.events
    by_kind = {}
    for event in events:
        by_kind.setdefault(next(iter(event["kind"])), []).append(event)
    assert sorted(by_kind) == [
        "AsyncAwait", "AsyncSpawn", "FunctionCall", "LockAcquire", "LockRelease", "StateChange"
    ]  # fmt: skip
    calls = [event["kind"]["FunctionCall"]["function_name"] for event in by_kind["FunctionCall"]]
    assert sorted(calls) == ["<module>", "work", "work"]  # once for each actor
    assert {e["metadata"]["service_name"] for e in events} == {"shop"}
    changes = [(e, e["kind"]["StateChange"]) for e in by_kind["StateChange"]]
    assert {change["variable"] for _, change in changes} == {"counter.n"}
    assert all(
        change["location"].endswith(("program.py:13", "program.py:22")) for _, change in changes
    )
    assert len({e["metadata"]["thread_id"] for e, _ in changes}) == 3
    spawned = {e["kind"]["AsyncSpawn"]["task_id"] for e in by_kind["AsyncSpawn"]}
    assert {e["kind"]["AsyncAwait"]["future_id"] for e in by_kind["AsyncAwait"]} <= spawned


def test_the_vectors_say_what_is_ordered(server, tmp_path):
    run(server, tmp_path, RACY)

    writes = [
        event
        for event in server.events
        if event["kind"].get("StateChange", {}).get("access_type") == "Write"
    ]
    *workers, last = sorted(writes, key=lambda event: event["kind"]["StateChange"]["location"])
    happens_before = Clocks(server.events).before
    one, two = workers
    assert not happens_before(one, two)
    assert not happens_before(two, one)
    for worker in workers:
        assert happens_before(worker, last)
        assert not happens_before(last, worker)


def test_parents_come_before_their_children(server, tmp_path):
    run(server, tmp_path, RACY)

    seen = set()
    for event in server.events:
        assert event["parent_id"] is None or event["parent_id"] in seen
        seen.add(event["id"])


def test_a_dead_server_changes_nothing_for_the_program(tmp_path):
    class Nobody:
        port = 9  # discard: nobody listens there

    done = run(Nobody, tmp_path, "print('fine'); raise SystemExit(3)")

    assert (done.returncode, done.stdout) == (3, "fine\n")


SERVICE = """
    import threading
    import requests
    from flask import Flask
    from werkzeug.serving import make_server
    import raceway

    app = Flask(__name__)
    stock = raceway.watch({"apple": 5}, name="stock")

    @app.post("/buy")
    def buy():
        stock["apple"] -= 1
        return "ok"

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for _ in range(2):
        assert requests.post(f"http://127.0.0.1:{server.port}/buy", timeout=10).text == "ok"
    server.shutdown()
    thread.join()
    server.server_close()
"""


def test_every_request_is_a_trace_that_continues_its_callers(server, tmp_path):
    done = run(server, tmp_path, SERVICE)

    assert done.returncode == 0, done.stderr
    requests = {"in": [], "out": []}
    for event in server.events:
        if "HttpRequest" in event["kind"]:
            requests[event["metadata"]["tags"]["http.direction"]].append(event)
    assert [len(requests["in"]), len(requests["out"])] == [2, 2]
    for incoming in requests["in"]:
        trace = [e for e in server.events if e["trace_id"] == incoming["trace_id"]]
        names = [next(iter(e["kind"])) for e in trace]
        assert "StateChange" in names
        assert incoming["kind"]["HttpRequest"]["url"] == "/buy"
        assert incoming["metadata"]["upstream_span_id"] is not None


def test_the_second_request_of_one_client_comes_after_the_first(server, tmp_path):
    run(server, tmp_path, SERVICE)

    writes = [
        event
        for event in server.events
        if event["kind"].get("StateChange", {}).get("access_type") == "Write"
    ]
    happens_before = Clocks(server.events).before
    first, second = writes
    assert first["metadata"]["thread_id"] != second["metadata"]["thread_id"]
    assert happens_before(first, second)
    assert not happens_before(second, first)


def test_a_setting_that_cannot_be_used_is_refused_before_the_program_starts(
    server, tmp_path, monkeypatch
):
    (tmp_path / "pyproject.toml").write_text("[tool.raceway]\nbatch_sise = 5\n")
    monkeypatch.chdir(tmp_path)
    done = run(server, tmp_path, "print('started')")
    if sys.version_info >= (3, 11):
        assert (done.returncode, done.stdout) == (2, "")
        assert "batch_sise" in done.stderr
        assert "'batch_size'" in done.stderr


LONG = """
    import threading
    import raceway

    shared = raceway.watch({"n": 0}, name="shared")

    def work():
        shared["n"] += 1

    for _ in range(400):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
"""


def test_events_stay_small_however_many_threads_there_have_been(server, tmp_path):
    done = run(server, tmp_path, LONG)

    assert (done.returncode, done.stderr) == (0, "")
    assert len([e for e in server.events if "StateChange" in e["kind"]]) == 800
    assert max(len(event["causality_vector"]) for event in server.events) < 20
    assert max(map(len, server.bodies)) < 100 * 1000


FAILING = """
    import threading

    def work():
        raise LookupError("nothing there")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise ValueError("the end")
"""


def test_what_nobody_caught_is_sent(server, tmp_path):
    done = run(server, tmp_path, FAILING)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 2
    errors = [(e, e["kind"]["Error"]) for e in server.events if "Error" in e["kind"]]
    assert [(error["error_type"], error["message"]) for _, error in errors] == [
        ("LookupError", "nothing there"), ("ValueError", "the end")
    ]  # fmt: skip
    assert [error["stack_trace"][0].rpartition(":")[2] for _, error in errors] == ["5", "10"]
    assert len({event["metadata"]["thread_id"] for event, _ in errors}) == 2


SECRET = """
    import requests  # of which the URL is recorded
    import raceway

    class User:
        def __init__(self):
            self.name, self.password = "ann", "s3cret"

    user = raceway.watch(User(), name="user")
    user.password = "s3cret too"
    user.name = "bob"
    try:
        requests.get("http://127.0.0.1:9/?access_token=s3cret", timeout=5)
    except requests.ConnectionError:
        pass
"""


def test_secrets_are_redacted(server, tmp_path):
    done = run(server, tmp_path, SECRET)
    assert done.returncode == 0, done.stderr
    sent = str(server.bodies)
    assert "bob" in sent
    assert "http://127.0.0.1:9/" in sent
    assert "s3cret" not in sent


ORDERED = """
    import threading, time

    lock = threading.Lock()
    released = []

    def one():
        with lock:
            pass
        released.append(True)  # nothing that anybody is told of

    def two():
        while not released:
            time.sleep(0.001)
        with lock:
            pass

    threads = [threading.Thread(target=function, name=function.__name__) for function in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_the_full_dialect_says_what_is_due_to_locks_only(server, tmp_path, monkeypatch):
    monkeypatch.setenv("RACEWAY_DIALECT", "full")
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(ORDERED))
    env = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.dirname(__file__)))}
    done = subprocess.run(
        [*LAUNCHER, "--endpoint", server.url, sys.executable, str(path)],
        capture_output=True, text=True, timeout=60, env=env, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert server.refusals == []
    by_actor = {}
    for event in server.events:
        by_actor.setdefault(event["metadata"]["tags"]["actor"], []).append(event["order"])
    (main, *_), (taken, freed), (second, *_) = (
        by_actor[name] for name in ("MainThread", "one", "two")
    )
    assert dict(taken["hard"]).keys() == {main["actor"]}  # which has started it
    assert (taken["soft"], freed["soft"]) == ([], [])
    assert taken["actor"] not in dict(second["hard"])
    [(before, epoch)] = second["soft"]  # who took the lock from the other
    assert (before, epoch) == (taken["actor"], freed["epoch"])
    assert dict(by_actor["MainThread"][-1]["hard"]).keys() >= {taken["actor"], second["actor"]}


THREADS = """
    import _thread, threading
    from concurrent.futures import ThreadPoolExecutor
    from multiprocessing.pool import ThreadPool
    from raceway import Config, RacewayClient, raceway_context

    client = RacewayClient(Config(endpoint={url!r}, flush_interval=60.0))
    pool = ThreadPoolExecutor(1)
    with raceway_context():
        client.track_custom("start")
        thread = threading.Thread(target=client.track_custom, args=("thread",))
        thread.start()
        thread.join()
        timer = threading.Timer(0, client.track_custom, ("timer",))
        timer.start()
        timer.join()
        pool.submit(client.track_custom, "job").result()
        pool.submit(client.start_trace).result()  # and left open
        done = threading.Event()
        _thread.start_new_thread(lambda: (client.track_custom("raw"), done.set()), ())
        done.wait()
        threads = ThreadPool(1)
    # The threads of both pools were started in that trace.
    pool.submit(client.track_custom, "job of nobody").result()
    threads.apply(client.track_custom, ("pool of nobody",))
    threads.close()
    threads.join()
    with raceway_context():
        pool.submit(client.track_custom, "other job").result()
    pool.shutdown()
"""


def test_threads_timers_and_jobs_are_in_the_trace_of_who_started_them(server, tmp_path):
    done = run(server, tmp_path, THREADS.format(url=server.url))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    custom = [event for event in server.events if "Custom" in event["kind"]]
    events = {event["kind"]["Custom"]["name"]: event for event in custom}
    start, other = events.pop("start"), events.pop("other job")
    assert sorted(events) == ["job", "raw", "thread", "timer"]
    assert {event["trace_id"] for event in events.values()} == {start["trace_id"]}
    assert {event["parent_id"] for event in events.values()} == {start["id"]}
    assert other["trace_id"] != start["trace_id"]
    assert len({event["metadata"]["thread_id"] for event in custom}) >= 4
