"""Services and workers with an endpoint: what a Raceway server gets of requests, statements, tasks."""

import os
import subprocess
import sys
import textwrap

import pytest
from wire_server import WireServer

LAUNCHER = [sys.executable, "-m", "raceway_autopatch.launcher"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SERVICE = """
    import asyncio, sqlite3, threading
    import fastapi, httpx, uvicorn
    import raceway

    stock = raceway.watch({"apples": 5}, name="stock")
    app = fastapi.FastAPI()

    @app.get("/buy")
    async def buy():
        stock["apples"] -= 1
        connection = sqlite3.connect(":memory:")
        connection.execute("select 1")
        connection.close()
        return stock["apples"]

    config = uvicorn.Config(app, port=0, log_level="error")
    server = uvicorn.Server(config)
    config.load()
    sock = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    port = sock.getsockname()[1]
    print(httpx.get(f"http://127.0.0.1:{port}/buy?token=1").json())

    async def main():
        async with httpx.AsyncClient() as client:
            print((await client.get(f"http://127.0.0.1:{port}/buy")).json())

    asyncio.run(main())
    server.should_exit = True
    thread.join()
"""

WORKER = """
    import os, subprocess, sys
    from celery import Celery

    folder = os.path.dirname(os.path.abspath(__file__))
    app = Celery("tasks", broker="filesystem://", backend=f"file://{folder}/results")
    app.conf.broker_transport_options = {
        "data_folder_in": f"{folder}/queue", "data_folder_out": f"{folder}/queue",
        "control_folder": f"{folder}/control", "polling_interval": 0.05,
    }
    app.conf.worker_hijack_root_logger = False

    @app.task(name="tasks.add")
    def add(left, right):
        return left + right

    if __name__ == "__main__":
        for name in ("results", "queue", "control"):
            os.mkdir(f"{folder}/{name}")
        result = add.delay(1, 2)
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--pool", "solo",
             "--without-heartbeat", "--without-gossip", "--without-mingle"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        try:
            print(result.get(timeout=30, interval=0.05), result.id)
        finally:
            worker.terminate()
            worker.wait(60)
"""


@pytest.fixture
def server():
    server = WireServer()
    yield server
    server.stop()


def run(server, tmp_path, program, name="program.py"):
    path = tmp_path / name
    path.write_text(textwrap.dedent(program))
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, env.get("PYTHONPATH")]))
    done = subprocess.run(
        [*LAUNCHER, "--endpoint", server.url, "--service", "shop", sys.executable, str(path)],
        capture_output=True, text=True, timeout=100, env=env, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert server.refusals == []
    return done.stdout


def test_a_service(server, tmp_path):
    """Each request is a call and its handling, in one trace, with all that the handler did."""
    pytest.importorskip("fastapi")
    pytest.importorskip("httpx")
    assert run(server, tmp_path, SERVICE) == "4\n3\n"
    requests = [e for e in server.events if "HttpRequest" in e["kind"]]
    sides = [e["metadata"]["tags"]["http.direction"] for e in requests]
    assert sorted(sides) == ["in", "in", "out", "out"]
    assert all("token" not in e["kind"]["HttpRequest"]["url"] for e in requests)
    handled = [e for e in requests if e["metadata"]["tags"]["http.direction"] == "in"]
    # Whoever calls outside of any request has one trace for all its calls.
    assert len({e["trace_id"] for e in handled}) == 1
    for request in handled:
        span = request["metadata"]["distributed_span_id"]
        inside = [
            next(iter(e["kind"]))
            for e in server.events
            if e["metadata"]["distributed_span_id"] == span
            and "FunctionCall" not in e["kind"]  # the first of each function in a thread or task
        ]
        assert inside == [
            "HttpRequest", "StateChange", "StateChange", "DatabaseQuery", "DatabaseResult",
            "StateChange", "HttpResponse",
        ]  # fmt: skip


@pytest.mark.slow
def test_a_task_in_another_process(server, tmp_path):
    """The worker's events are in the trace that the message has brought."""
    pytest.importorskip("celery")
    value, task = run(server, tmp_path, WORKER, "tasks.py").split()
    assert value == "3"
    by_kind = {}
    for event in server.events:
        by_kind.setdefault(next(iter(event["kind"])), []).append(event)
    spawned = [e for e in by_kind["AsyncSpawn"] if e["kind"]["AsyncSpawn"]["task_id"] == task]
    awaited = [e for e in by_kind["AsyncAwait"] if e["kind"]["AsyncAwait"]["future_id"] == task]
    (called,) = by_kind["FunctionCall"]
    assert len(spawned) == len(awaited) == 1
    assert called["kind"]["FunctionCall"]["function_name"] == "tasks.add"
    assert called["metadata"]["upstream_span_id"] is not None
    assert called["metadata"]["process_id"] != spawned[0]["metadata"]["process_id"]
