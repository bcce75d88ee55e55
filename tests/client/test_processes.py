"""The end of a process, and process forks, in real child processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from wire_server import PATIENCE, free_port

from raceway.client import RacewayClient
from raceway.config import Config
from raceway.pipeline import ends, sigterm

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


C_HANDLER = sigterm.IN_C

SIGTERM = "import signal; os.kill(os.getpid(), signal.SIGTERM); print('goes on'); signal.pause()"
FROM_OUTSIDE = """
import signal, subprocess
assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
subprocess.Popen(["sh", "-c", f"sleep 0.1; kill -TERM {os.getpid()}"])
"""
HANDLER = """
import signal
signal.signal(signal.SIGTERM, lambda *args: sys.exit(7))
"""
IGNORED = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.kill(os.getpid(), signal.SIGTERM)
sys.exit(8)
"""
BACK_TO_THE_DEFAULT = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_DFL)
client.end_trace()
client.flush(20)
client.start_trace()
client.track_custom("then")
"""


@pytest.mark.parametrize(
    ("program", "status", "delivered"),
    [
        (SIGTERM, -15, ["parent"]),
        ("import signal; signal.raise_signal(signal.SIGTERM); print('goes on')", -15, ["parent"]),
        (FROM_OUTSIDE + "signal.pause(); print('goes on')", -15, ["parent"]),
        (FROM_OUTSIDE + "import threading; threading.Event().wait()", -15, ["parent"]),
        (FROM_OUTSIDE + "while True: pass", -15, ["parent"]),
        (FROM_OUTSIDE + "while True: client.stats()", -15, ["parent"]),
        (BACK_TO_THE_DEFAULT + SIGTERM, -15, ["parent", "then"]),
        (HANDLER + SIGTERM, 7, ["parent"]),
        (IGNORED, 8, ["parent"]),
    ],
    ids=[
        "kill", "raise_signal", "pause", "a lock", "busy", "busy with our locks", "the default again",
        "a handler of the program", "ignored",
    ],
)  # fmt: skip
@pytest.mark.skipif(not C_HANDLER, reason="it takes the C extension")
def test_before_the_default_action_of_sigterm_all_is_delivered(server, program, status, delivered):
    done = run(program, server.url, RACEWAY_FLUSH_ON_SIGTERM="")
    printed = "goes on\n" if status == 7 else ""  # a handler in Python runs after the call
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout in ("", printed)
    assert names(server) == delivered


@pytest.mark.skipif(not C_HANDLER, reason="it takes the C extension")
@pytest.mark.parametrize(
    "program",
    [SIGTERM, FROM_OUTSIDE + "import threading; threading.Event().wait()", FROM_OUTSIDE + "sum(range(10**13))"],
    ids=["a server that hangs", "main in a lock", "main in a long call of C"],
)  # fmt: skip
def test_whatever_hangs_sigterm_ends_the_process(server, program):
    server.gate.clear()
    begun = time.monotonic()
    done = run(program, server.url)
    assert time.monotonic() - begun < 7
    assert (done.returncode, done.stdout) == (-15, "")


ASLEEP = (
    PRELUDE
    + """
import time
client.flush(0.1)
print("ready", flush=True)
time.sleep(100)
"""
)  # in which a call of C is begun anew after the signal, without a step of Python code


class Deaf:
    """A server that stops to do anything at a certain point, as one does whose process is stopped."""

    def __init__(self, answers):
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = []
        if not answers:  # not even the kernel does: its queue is full
            for _ in range(2):
                self._open.append(socket.socket())
                self._open[-1].setblocking(False)
                self._open[-1].connect_ex(self._listener.getsockname())
        self._thread = threading.Thread(target=self._answer, args=(answers,))
        self._thread.start()

    def _answer(self, answers):
        for _ in range(answers):
            connection, _ = self._listener.accept()
            self._open.append(connection)
            assert connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def stop(self):
        self._thread.join()
        for one in (*self._open, self._listener):
            one.close()


@pytest.mark.skipif(not C_HANDLER, reason="it takes the C extension")
@pytest.mark.parametrize(
    ("answers", "partly"),
    [(0, False), (1, True), (None, False)],
    ids=["connecting", "sending", "waiting for an answer"],
)
def test_sigterm_puts_on_the_disk_what_a_server_does_not_take(server, tmp_path, answers, partly):
    """Also if the main thread does not run Python code: the one that sends must see the signal."""
    deaf = None if answers is None else Deaf(answers)
    server.gate.clear()
    program = ASLEEP.format(url=deaf.url if deaf else server.url).replace(
        'client.track_custom("parent")',
        "for number in range(2100): client.track_custom(str(number), 'x' * 300)",
    )
    variables = {"SPOOL": str(tmp_path), "BATCH_SIZE": "2000", "MAX_BATCH_BYTES": "2000000"}
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)} | {f"RACEWAY_{k}": v for k, v in variables.items()},
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == "ready\n"
        begun = time.monotonic()
        process.terminate()
        assert process.wait(PATIENCE) == -15
        assert time.monotonic() - begun < 7
    if deaf:
        deaf.stop()
    server.gate.set()
    client = RacewayClient(Config(endpoint=server.url, spool=str(tmp_path), batch_size=2000))
    client.start_trace()
    client.track_custom("next")
    assert client.shutdown()
    first = int(names(server)[0])
    assert names(server) == [*map(str, range(first, 2100)), "next"]
    assert 0 < first < 2000 if partly else first == 0  # what was being sent may have arrived


@pytest.mark.skipif(not C_HANDLER, reason="it takes the C extension")
def test_a_second_sigterm_ends_the_process_at_once(server):
    server.gate.clear()
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE.format(url=server.url)
         + "import signal; print('ready', flush=True); signal.pause()"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == "ready\n"
        begun = time.monotonic()
        process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.terminate()
        assert process.wait(PATIENCE) == -15
    assert time.monotonic() - begun < ends.GRACE


def test_a_program_that_has_nothing_to_deliver_is_ended_at_once_by_sigterm(server):
    """In the middle of a call into C code: whoever asked Python would wait for its end."""
    program = (
        """
client.flush(20)
from raceway.client import RacewayClient
from raceway.config import Config
from raceway.pipeline import ends, sigterm
while sigterm._state.expecting:  # until its thread has nothing to do
    pass
"""
        + FROM_OUTSIDE
        + "sum(range(10**13))"
    )
    begun = time.monotonic()
    done = run(program.replace("client.flush", "client.end_trace(); client.flush"), server.url,
               RACEWAY_FLUSH_INTERVAL="0.2")  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (-15, "", "")
    assert time.monotonic() - begun < 7
    assert names(server) == ["parent"]


@pytest.mark.parametrize(
    ("asked", "pure", "delivered"),
    [("", "1", []), ("1", "1", ["parent"]), ("0", "", [])],
    ids=["nobody asked for a handler in Python", "asked for", "switched off"],
)
def test_without_the_extension_sigterm_delivers_on_request(server, asked, pure, delivered):
    done = run(SIGTERM, server.url, RACEWAY_FLUSH_ON_SIGTERM=asked, RACEWAY_PURE_PYTHON=pure)
    assert (done.returncode, done.stderr) == (-15, "")
    assert names(server) == delivered


@pytest.mark.parametrize("pure", ["", "1"])
def test_a_forked_child_has_the_default_action_of_sigterm_again(server, pure):
    program = """
import signal
pid = os.fork()
if not pid:
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
client.track_custom("after")
os.kill(os.getpid(), signal.SIGTERM)
signal.pause()
"""
    done = run(program, server.url, RACEWAY_FLUSH_ON_SIGTERM="1", RACEWAY_PURE_PYTHON=pure,
               PYTHONWARNINGS="ignore")  # fmt: skip
    assert (done.returncode, done.stderr) == (-15, "")
    assert names(server) == ["parent", "after"]


@pytest.mark.skipif(not C_HANDLER, reason="it takes the C extension")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_of_multiprocessing_delivers_before_terminate_ends_it(server, tmp_path, method):
    (tmp_path / "child.py").write_text(f"""
import os, signal, sys, threading
from raceway.client import RacewayClient
from raceway.config import Config
client = RacewayClient(Config(endpoint={server.url!r}, flush_interval=60.0))

def work(ready):
    client.start_trace()
    client.track_custom("child")
    ready.set()
    threading.Event().wait()

if __name__ == "__main__":
    import multiprocessing
    context = multiprocessing.get_context({method!r})
    ready = context.Event()
    process = context.Process(target=work, args=(ready,))
    process.start()
    ready.wait()
    process.terminate()
    process.join()
    print(process.exitcode)
""")
    done = subprocess.run(
        [sys.executable, tmp_path / "child.py"], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}, timeout=PATIENCE * 2,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("-15\n", "")
    assert names(server) == ["child"]


def test_a_blocked_signal_is_left_to_the_program(server):
    """One that all threads of the program have blocked must not find a thread of ours."""
    program = """
import signal
client.flush(20)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])
client.track_custom("then")
for number in (signal.SIGTERM, signal.SIGUSR1):
    os.kill(os.getpid(), number)
    print(signal.sigwait([number]).name)
"""
    done = run(program, server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "SIGTERM\nSIGUSR1\n", "")
    assert names(server) == ["parent", "then"]


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
