"""The end of a process, and process forks, in real child processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from wire_server import PATIENCE, free_port

ROOT = Path(__file__).parents[2]

PRELUDE = """
import os, sys
from raceway.client import RacewayClient
from raceway.config import Config
client = RacewayClient(Config.load(endpoint={url!r}, service_name="svc", flush_interval=60.0))
client.start_trace()
client.track_custom("parent")
"""


def run(program, url, **env):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    environment.pop("RACEWAY_INSTANCE_ID", None)
    return subprocess.run(
        [sys.executable, "-c", PRELUDE.format(url=url) + program],
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        env=environment,
        check=False,
    )


def names(server):
    return [fields["name"] for _, fields in server.kinds()]


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise LookupError", 1),
        ("import threading; threading.Thread(target=client.track_custom, args=('t',)).start()", 0),
        ("client.shutdown(); client.shutdown()", 0),
        ("import atexit; atexit.register(client.shutdown)", 0),
    ],
)
def test_what_is_buffered_is_delivered_at_the_end(server, program, status):
    done = run(program, server.url)
    assert done.returncode == status
    assert done.stdout == ""
    assert "raceway server" not in done.stderr
    assert names(server) == ["parent"]
    assert server.refusals == []


def test_a_dead_server_holds_up_the_end_for_two_seconds_at_most():
    begun = time.monotonic()
    done = run("", f"http://127.0.0.1:{free_port()}")
    assert time.monotonic() - begun < 6
    assert done.returncode == 0
    assert done.stdout == ""
    assert "not reachable" in done.stderr
    assert "lost so far: 1" in done.stderr


def test_a_hanging_server_holds_up_the_end_for_two_seconds_at_most(server):
    server.gate.clear()
    begun = time.monotonic()
    done = run("", server.url)
    assert time.monotonic() - begun < 6
    assert done.returncode == 0
    server.gate.set()


FORK = """
pid = os.fork()
if pid == 0:
    client.track_custom("child")
    {end}
os.waitpid(pid, 0)
client.track_custom("after")
"""


@pytest.mark.parametrize("end", ["sys.exit(0)", "client.flush(); os._exit(0)"])
def test_a_forked_child_has_a_sender_of_its_own(server, end):
    done = run(FORK.format(end=end), server.url)
    assert done.returncode == 0, done.stderr
    events = {event["kind"]["Custom"]["name"]: event for event in server.events}
    assert sorted(names(server)) == ["after", "child", "parent"]  # nothing twice
    parent, child, after = events["parent"], events["child"], events["after"]
    assert child["trace_id"] == parent["trace_id"]
    assert child["parent_id"] == after["parent_id"] == parent["id"]
    for name in ("process_id", "instance_id", "thread_id"):
        assert child["metadata"][name] != parent["metadata"][name] == after["metadata"][name]
    assert child["metadata"]["instance_id"].endswith(f"-{child['metadata']['process_id']}")
    component = "svc#" + child["metadata"]["instance_id"]
    assert [component, 1] in child["causality_vector"]
    assert len({event["id"] for event in server.events}) == 3


def test_a_forked_child_is_another_instance_even_if_an_id_was_given(server):
    text = FORK.format(end="client.flush(); os._exit(0)")
    done = run(f"client.config.instance_id = 'web-1'{text}", server.url)
    assert done.returncode == 0, done.stderr
    by_name = {event["kind"]["Custom"]["name"]: event["metadata"] for event in server.events}
    assert by_name["child"]["instance_id"] == f"web-1-{by_name['child']['process_id']}"


def test_a_fork_while_other_threads_are_tracking(server):
    program = """
import threading
stop = threading.Event()
def work():
    client.start_trace()
    while not stop.wait(0.001):
        client.track_custom("w")
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for number in range(10):
    pid = os.fork()
    if pid == 0:
        client.track_custom("child")
        os._exit(0 if client.flush(10) else 1)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
for thread in threads: thread.join()
client.shutdown()
"""
    done = run(program, server.url)
    assert done.returncode == 0, done.stderr
    assert names(server).count("child") == 10
    assert server.refusals == []


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_children_deliver_when_they_end(server, tmp_path, method):
    script = tmp_path / "program.py"
    script.write_text(
        "import multiprocessing, sys\n"
        "from raceway.client import RacewayClient\n"
        "from raceway.config import Config\n"
        "def work():\n"
        f"    client = RacewayClient(Config(endpoint={server.url!r}, flush_interval=60.0))\n"
        "    client.start_trace()\n"
        "    client.track_custom('child')\n"
        "if __name__ == '__main__':\n"
        f"    process = multiprocessing.get_context({method!r}).Process(target=work)\n"
        "    process.start(); process.join(); sys.exit(process.exitcode)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, str(script)], check=True, timeout=PATIENCE * 2, env=environment)
    assert names(server) == ["child"]


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("os._exit(3)", 3),
        ("os._exit(status=3)", 3),
        ("import threading; threading.Thread(target=os._exit, args=(3,)).start()", 3),
        ("os.execv(sys.executable, [sys.executable, '-c', 'raise SystemExit(3)'])", 3),
        ("os.execve(sys.executable, [sys.executable, '-c', 'raise SystemExit(3)'], {})", 3),
        ("os.execvp('sh', ['sh', '-c', 'exit 3'])", 3),
        ("os.execlp('sh', 'sh', '-c', 'exit 3')", 3),
        ("client.shutdown(); os._exit(3)", 3),
        ("client.flush(); os._exit(3)", 3),
    ],
)
def test_ends_that_atexit_does_not_know(server, program, status):
    done = run(program, server.url, PYTHONWARNINGS="ignore")
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
    assert names(server) == ["parent"]


def test_a_program_that_cannot_be_executed(server):
    program = """
try:
    os.execv("/nowhere", ["nowhere"])
except FileNotFoundError:
    client.track_custom("goes on")
assert os.execve in os.supports_fd
assert (os._exit.__name__, os.execv.__module__) == ("_exit", "posix")
"""
    done = run(program, server.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(server) == ["parent", "goes on"]


def test_a_forked_child_that_ends_by_exit_sends_its_own_and_waits_for_nothing(server):
    program = """
import time
for end in ("client.track_custom('child')", "pass"):
    pid = os.fork()
    if not pid:
        exec(end)
        os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4
os._exit(5)
"""
    done = run(program, server.url, PYTHONWARNINGS="ignore")
    assert done.returncode == 5, done.stderr
    assert sorted(names(server)) == ["child", "parent"]


def test_a_dead_server_holds_up_os_exit_for_two_seconds_at_most():
    begun = time.monotonic()
    done = run("os._exit(3)", f"http://127.0.0.1:{free_port()}")
    assert time.monotonic() - begun < 6
    assert done.returncode == 3


SIGTERM = "import signal; os.kill(os.getpid(), signal.SIGTERM); signal.pause()"
HANDLER = """
import signal
signal.signal(signal.SIGTERM, lambda *args: sys.exit(7))
"""


@pytest.mark.parametrize(
    ("before", "program", "status", "delivered"),
    [
        ("", SIGTERM, -15, []),
        ("1", SIGTERM, -15, ["parent"]),
        ("1", HANDLER + SIGTERM, 7, ["parent"]),
        ("1", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SIGTERM.replace(
            "signal.pause()", "sys.exit(8)"), 8, ["parent"]),
        ("1", "import threading; " + SIGTERM.replace("signal.pause()", "threading.Event().wait()"),
         -15, ["parent"]),
    ],
    ids=["the default", "asked for", "a handler of the program", "ignored", "a lock"],
)  # fmt: skip
def test_sigterm(server, before, program, status, delivered):
    done = run(program, server.url, RACEWAY_FLUSH_ON_SIGTERM=before)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
    assert names(server) == delivered


def test_a_forked_child_has_the_default_action_of_sigterm_again(server):
    program = """
import signal
reader, writer = os.pipe()
pid = os.fork()
if not pid:
    client.track_custom("child")
    client.flush(20)
    os.write(writer, b"x" if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL else b"y")
    while True:
        signal.pause()
assert os.read(reader, 1) == b"x"
assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
os.kill(pid, signal.SIGTERM)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
client.track_custom("after")
os.kill(os.getpid(), signal.SIGTERM)
signal.pause()
"""
    done = run(program, server.url, RACEWAY_FLUSH_ON_SIGTERM="1", PYTHONWARNINGS="ignore")
    assert (done.returncode, done.stderr) == (-15, "")
    assert sorted(names(server)) == ["after", "child", "parent"]


GUNICORN = """
import os, sys
from raceway import Config, RacewayClient
from raceway.middleware import flask_middleware
from flask import Flask

client = RacewayClient(Config(endpoint={url!r}, flush_interval=60.0))
app = Flask(__name__)
flask_middleware(client).init_app(app)
client.start_trace()
client.track_custom("loaded")
client.end_trace()

@app.get("/")
def index():
    client.track_custom("request")
    return str(os.getpid())
"""


@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["load in workers", "preload"])
def test_gunicorn(server, tmp_path, preload):
    pytest.importorskip("gunicorn")
    import requests

    (tmp_path / "service.py").write_text(GUNICORN.format(url=server.url))
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{port}", *preload,
         "--log-level", "error", "service:app"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    try:
        answers = []
        deadline = time.monotonic() + 3 * PATIENCE
        while len(answers) < 10 and time.monotonic() < deadline:
            try:
                answers.append(requests.get(f"http://127.0.0.1:{port}/", timeout=PATIENCE).text)
            except requests.ConnectionError:
                time.sleep(0.05)
        process.terminate()
        assert process.wait(3 * PATIENCE) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert len(answers) == 10
    # Of each request once, from the worker that has answered it.
    handled = [event for event in server.events
               if event["kind"].get("Custom", {}).get("name") == "request"]  # fmt: skip
    assert sorted(str(e["metadata"]["process_id"]) for e in handled) == sorted(answers)
    loaded = [e for e in server.events if e["kind"].get("Custom", {}).get("name") == "loaded"]
    assert len(loaded) == (1 if preload else 2)
    assert len({event["id"] for event in server.events}) == len(server.events)
    assert server.refusals == []


def test_a_pool_of_multiprocessing(server, tmp_path):
    script = tmp_path / "program.py"
    script.write_text(
        "import multiprocessing\n"
        "from raceway import Config, RacewayClient, raceway_context\n"
        f"client = RacewayClient(Config(endpoint={server.url!r}, flush_interval=60.0))\n"
        "def work(number):\n"
        "    with raceway_context():\n"
        "        client.track_custom(str(number))\n"
        "if __name__ == '__main__':\n"
        "    with raceway_context():\n"
        "        client.track_custom('parent')\n"
        "    pool = multiprocessing.get_context('fork').Pool(3)\n"
        "    pool.map(work, range(60), chunksize=1)\n"
        "    pool.close(); pool.join()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    subprocess.run([sys.executable, str(script)], check=True, timeout=PATIENCE * 2, env=environment)
    assert sorted(names(server)) == sorted([*map(str, range(60)), "parent"])


GEVENT = """
import gevent
def work():
    client.start_trace()
    client.track_custom("greenlet")
    gevent.sleep(0)
    client.track_custom("greenlet")
gevent.joinall([gevent.spawn(work) for _ in range(3)])
assert client.flush(10)
ticks = []
ticker = gevent.spawn(lambda: ticks.append(1))
client.track_custom("last")
assert client.flush(10)
"""


@pytest.mark.parametrize("order", ["before", "after", "late"])
def test_gevent_may_patch_before_or_after_us(server, tmp_path, order):
    pytest.importorskip("gevent")
    patch = "import gevent.monkey; gevent.monkey.patch_all()\n"
    prelude = PRELUDE.format(url=server.url)
    imports, rest = prelude.split("client = ", 1)
    parts = {
        "before": patch + imports + "client = " + rest,
        "after": imports + patch + "client = " + rest,
        "late": imports
        + "client = "
        + rest.replace("client.start_trace", patch + "client.start_trace"),
    }[order]
    script = tmp_path / "program.py"
    script.write_text(parts + GEVENT)
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert sorted(names(server)) == ["greenlet"] * 6 + ["last", "parent"]
    threads = {event["metadata"]["thread_id"] for event in server.events}
    assert len(threads) == 4
    assert server.refusals == []


FIRST_TROUBLE = """
assert client.flush(0.2) is False  # a warning was logged, which imports logging
import threading
assert threading.main_thread() is threading.current_thread()
pid = os.fork()
if pid:
    sys.exit(os.waitpid(pid, 0)[1])
"""


def test_the_main_thread_stays_the_main_thread():
    done = run(FIRST_TROUBLE, f"http://127.0.0.1:{free_port()}", PYTHONWARNINGS="ignore")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
