"""A Raceway server in a process of its own."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30


class Server:
    """A running server."""

    def __init__(self, process, url, data):
        self.process = process
        self.url = url
        self.data = data
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path, **more):
        return self.session.get(self.url + path, timeout=PATIENCE, **more)

    def data_of(self, path, **more):
        answer = self.get(path, **more)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["success"] is True and body["error"] is None
        return body["data"]

    def post(self, events, **more):
        return self.session.post(
            f"{self.url}/events", json={"events": events}, timeout=PATIENCE, **more
        )

    def wait(self, question, what="what was waited for"):
        """Ask until the answer is true, and return it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = question()
            if answer:
                return answer
            time.sleep(0.05)
        raise AssertionError(f"{what} did not happen")

    def analysed(self):
        """Wait until all that is stored has been analysed."""

        def done():
            state = self.data_of("/status")["analysis"]
            return state["position"] >= state["stored"] and state["concluded"] >= state["stored"]

        self.wait(done, "the analysis")

    def findings(self):
        self.analysed()
        return self.data_of("/api/v1/findings")["findings"]

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(PATIENCE)


def environment():
    env = {name: text for name, text in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    return env


QUICK = "[engine]\ndelay_ms = 150\n"


@contextmanager
def running(data, *arguments, cwd=None, env=None, limit=0):
    """Run a server until the block is left."""
    config = Path(cwd or ".", "raceway.toml")
    if cwd and not config.exists():
        config.write_text(QUICK)
    log = Path(f"{data}.log").open("ab")  # noqa: SIM115 - closed below
    process = subprocess.Popen(
        [sys.executable, "-m", "raceway", "serve", "--port", "0", "--data", str(data), *arguments],
        stderr=log, stdout=log, cwd=cwd, env=environment() | (env or {}),
    )  # fmt: skip
    if limit:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    try:
        yield _started(process, Path(data))
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        log.close()


def _started(process, data):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, Path(f"{data}.log").read_text()
        try:
            told = json.loads((data / "lock").read_text())
            if told["pid"] == process.pid:
                requests.get(f"{told['url']}/health", timeout=1)
                return Server(process, told["url"], data)
        except (OSError, ValueError, requests.RequestException):
            time.sleep(0.02)
    raise AssertionError(f"no server: {Path(f'{data}.log').read_text()}")


@pytest.fixture
def server(tmp_path):
    with running(tmp_path / "data", cwd=tmp_path) as found:
        yield found
    log = (tmp_path / "data.log").read_text()
    assert "Traceback" not in log, log


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """A server for tests that only look at what they have sent themselves."""
    folder = tmp_path_factory.mktemp("server")
    with running(folder / "data", cwd=folder) as found:
        yield found
    log = (folder / "data.log").read_text()
    assert "Traceback" not in log, log


def event(kind, *, trace=None, thread="host-1:worker-1", at=0.0, **more):
    """Return an event as an SDK sends it."""
    metadata = {
        "thread_id": thread,
        "process_id": 1,
        "service_name": "shop",
        "environment": "test",
        "tags": {"sdk_language": "python"},
        "duration_ns": None,
        "instance_id": "host-1",
        "distributed_span_id": None,
        "upstream_span_id": None,
        **more.pop("metadata", {}),
    }
    second, micros = divmod(round(at * 1e6), 1_000_000)
    return {
        "id": str(uuid.uuid4()),
        "trace_id": trace or str(uuid.uuid4()),
        "parent_id": None,
        "timestamp": f"2026-01-15T09:{30 + second // 60}:{second % 60:02d}.{micros:06d}+00:00",
        "kind": kind,
        "metadata": metadata,
        "causality_vector": [],
        "lock_set": [],
        **more,
    }


def access(variable, access_type, line, value=None, **more):
    change = {
        "variable": variable,
        "old_value": None,
        "new_value": value,
        "location": f"app.py:{line}",
        "access_type": access_type,
    }
    return event({"StateChange": change}, **more)
