"""Servers, pools and runners as people start them: every process reports, and ends as without us."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time

import pytest

WATCHED = """
import os, time
import raceway

class Hits:
    n = 0

hits = raceway.watch(Hits(), name="hits")
"""
WSGI = (
    WATCHED
    + """
def app(environ, start_response):
    hits.n += 1
    if environ["PATH_INFO"] == "/wait":
        open("entered", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
    start_response("200 OK", [])
    return [b"%d" % os.getpid()]
"""
)
HOOKS = """
def post_worker_init(worker):  # it serves, and handles signals
    open(f"up-{worker.pid}", "w").close()
"""
ASGI = (
    WATCHED
    + """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        open(f"up-{os.getpid()}", "w").close()
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    hits.n += 1
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"%d" % os.getpid()})
"""
)


@pytest.fixture
def site(bench):
    """The bench, with all patches."""
    del bench.env["RACEWAY_PATCH"]
    return bench


@contextlib.contextmanager
def served(site, command):
    """Start a server under raceway-run on a socket that listens already; end it, if need be."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        words = [word.format(fd=number) for word in command]
        process = subprocess.Popen(
            [*site.launcher, "--report", "r.json", sys.executable, "-m", *words],
            cwd=site.folder,
            env=site.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=[number],
            start_new_session=True,
        )
        try:
            yield process, listener.getsockname()[1]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # workers hold its stdout open
            process.communicate()


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def get(port, path="/"):
    """Return the process that answered; the server has closed the connection then."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        # HTTP/1.0: a server closes the connection once it is done with the request.
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    if not body:
        # Servers send the head before the body; one that is ended may get only so far.
        raise ConnectionError(f"no whole answer: {answer!r}")
    assert b" 200 " in head.splitlines()[0]
    return int(body)


def check(site, process, *, status, processes):
    """Compare the end of a launcher; return the report."""
    out, _ = process.communicate(timeout=60)
    assert process.returncode == status, out
    for word in ("Traceback", "Exception ignored", "internal error", "raceway: process"):
        assert word not in out, out
    assert sum("raceway: " in line and " watched " in line for line in out.splitlines()) == 1, out
    report = json.loads((site.folder / "r.json").read_text())
    assert [one["ended"] for one in report["processes"]] == ["exit"] * processes, out
    assert len({one["pid"] for one in report["processes"]}) == processes
    assert report["counts"]["internal_errors"] == 0
    assert report["counts"]["accesses"]
    return report


@pytest.mark.parametrize("options", ["", "--preload", "-k gevent"])
def test_gunicorn(site, options):
    pytest.importorskip("gunicorn")
    if "gevent" in options:
        pytest.importorskip("gevent")
    site.write("web.py", WSGI)
    site.write("hooks.py", HOOKS)
    command = f"gunicorn {options} -w 2 -c hooks.py -b fd://{{fd}} web:app"
    with served(site, command.split()) as (process, port):
        wait_for(lambda: len(list(site.folder.glob("up-*"))) == 2)
        get(port)
        # A request that is being answered is answered, whatever it is that stops the server.
        answers = []
        client = threading.Thread(target=lambda: answers.append(get(port, "/wait")))
        client.start()
        wait_for((site.folder / "entered").exists)
        if "preload" in options:  # SIGINT is a quick shutdown, and waits for no request
            (site.folder / "go").touch()
            client.join()
            process.send_signal(signal.SIGINT)
        else:
            process.send_signal(signal.SIGTERM)
            (site.folder / "go").touch()
            client.join()
        assert len(answers) == 1
        check(site, process, status=0, processes=3)


@pytest.mark.parametrize(
    ("options", "status", "processes"), [("", -15, 1), ("--workers 2", 0, 3), ("--reload", 0, 2)]
)
def test_uvicorn(site, options, status, processes):
    pytest.importorskip("uvicorn")
    site.write("web.py", ASGI)
    with served(site, f"uvicorn {options} --fd {{fd}} web:app".split()) as (process, port):
        wait_for(lambda: len(list(site.folder.glob("up-*"))) == max(1, processes - 1))
        get(port)
        process.send_signal(signal.SIGTERM)
        check(site, process, status=status, processes=processes)


def test_the_reloader_of_flask(site):
    pytest.importorskip("flask")
    path = site.folder / "web.py"
    site.write(
        "web.py",
        WATCHED
        + """
from flask import Flask

app = Flask(__name__)

@app.get("/")
def index():
    hits.n += 1
    return str(os.getpid())
""",
    )
    command = "flask --app web run --reload --port 0"
    with served(site, command.split()) as (process, _):
        port = 0
        while not port:
            line = process.stdout.readline()
            assert line
            if "Running on http://127.0.0.1:" in line:
                port = int(line.split("127.0.0.1:")[1].split("/")[0].split()[0])
        first = get(port)
        os.utime(path, (time.time() + 10, time.time() + 10))

        def reloaded():
            try:
                return get(port) != first
            except ConnectionError:
                return False  # the old one ends at once, also while it answers

        wait_for(reloaded)
        # As Ctrl-C does; the reloader would wait for a quarter of a second and kill it.
        os.kill(get(port), signal.SIGINT)
        check(site, process, status=0, processes=3)


TASKS = """
import os
import raceway
from celery import Celery

app = Celery("tasks", broker="filesystem://", backend="file://" + os.path.abspath("results"))
app.conf.update(
    broker_transport_options={
        "data_folder_in": "box", "data_folder_out": "box", "control_folder": "control",
        "polling_interval": 0.02,
    },
)

class Hits:
    n = 0

hits = raceway.watch(Hits(), name="hits")

@app.task
def add(one, two):
    hits.n += 1
    return one + two
"""


def test_celery_with_processes(site):
    pytest.importorskip("celery")
    site.write("tasks.py", TASKS)
    site.write(
        "ask.py",
        """
        from tasks import add
        print([one.get(timeout=60, interval=0.02) for one in [add.delay(n, n) for n in range(4)]])
        """,
    )
    for name in ("box", "results", "control"):
        (site.folder / name).mkdir()
    site.env["C_FORCE_ROOT"] = "1"
    options = "--without-gossip --without-mingle --without-heartbeat -l ERROR"
    command = f"celery -A tasks worker -c 2 -P prefork {options}"
    with served(site, command.split()) as (process, _):
        asked = site.bare("ask.py")
        assert asked.out == "[0, 2, 4, 6]\n", asked.err
        process.send_signal(signal.SIGTERM)
        check(site, process, status=0, processes=3)


def test_xdist(site):
    pytest.importorskip("xdist")
    site.write(
        "test_it.py",
        WATCHED
        + """
import pytest

@pytest.mark.parametrize("number", range(6))
def test_it(number):
    hits.n += 1
    assert number != 4
""",
    )
    command = "pytest -q -n 2 -p no:cacheprovider -p no:randomly --rootdir . test_it.py"
    with served(site, command.split()) as (process, _):
        check(site, process, status=1, processes=3)


def test_the_kernel_of_a_notebook(site):
    pytest.importorskip("ipykernel")
    pytest.importorskip("jupyter_client")
    cell = WATCHED + textwrap.dedent(
        """
        import threading
        threads = [threading.Thread(target=lambda: setattr(hits, "n", hits.n + 1)) for _ in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(hits.n)
        """
    )
    site.write(
        "notebook.py",
        f"""
        from jupyter_client.manager import start_new_kernel
        manager, client = start_new_kernel(startup_timeout=60)
        client.execute_interactive({cell!r}, timeout=60)
        client.stop_channels()
        manager.shutdown_kernel()
        """,
    )
    site.write("run.py", "import runpy; runpy.run_path('notebook.py')")
    with served(site, ["run"]) as (process, _):
        report = check_found(site, process)
    assert {one["variable"] for one in report["findings"]} == {"hits.n"}


def check_found(site, process):
    """Return the report of two processes that ended well."""
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert "2\n" in out.splitlines(keepends=True), out  # beside warnings of the kernel
    report = json.loads((site.folder / "r.json").read_text())
    assert [one["ended"] for one in report["processes"]] == ["exit"] * 2, out
    return report
