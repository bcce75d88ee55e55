"""What the guides for services and CI show is done as it stands there, and has to come out as told.

A block of Python whose first line is ``# name.py`` is a file.  A line of a block of shell is run, and
``# exit status N`` says how it ends.  One that serves port 8000 runs until what follows it has asked.
A block of text is printed by what was run before it.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parent.parent
PAGES = {
    "fastapi": ("fastapi", "httpx", "uvicorn"),
    "django": ("django",),
    "gunicorn": ("flask", "gunicorn", "gevent"),
    "ci": (),
}
SLOW = {"gunicorn", "ci"}  # ten seconds each
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# They need a server of Raceway, a project of the reader's, or are there to be seen only.
NOT_RUN = ("localhost:8080", "raceway.internal", "manage.py", "project.asgi")
TIMEOUT = 60


class Guide:
    """A guide, done step by step in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = str(free.getsockname()[1])
        self.server: subprocess.Popen[str] | None = None
        self.printed = ""
        self.done: list[str] = []
        env = {k: v for k, v in os.environ.items() if not k.startswith(("RACEWAY_", "PYTEST_"))}
        scripts = os.path.dirname(sys.executable)
        env["PATH"] = os.pathsep.join([scripts, env["PATH"]])
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
        self.env = env | {"COLUMNS": "100"}

    def block(self, language: str, text: str) -> None:
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", text)
            if name is not None:
                path = self.folder / name[1]
                path.write_text(text.replace("8000", self.port))
        elif language == "bash":
            for line in text.splitlines():
                if not any(word in line for word in NOT_RUN):
                    self.shell(line)
        elif language == "text":
            self.stop()
            for line in text.splitlines():
                assert line in self.printed, self.printed

    def shell(self, line: str) -> None:
        command, _, comment = line.partition("#")
        self.done.append(command.strip())
        if "8000" in command:
            self.stop()
            self.serve(command.replace("8000", self.port))
            return
        ended = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.env, capture_output=True,
            text=True, timeout=TIMEOUT, check=False,
        )  # fmt: skip
        self.printed += ended.stdout + ended.stderr
        status = re.search(r"exit status (\d+)", comment)
        expected = int(status[1]) if status else 0
        assert ended.returncode == expected, (line, ended.stdout, ended.stderr)

    def serve(self, command: str) -> None:
        self.server = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.env,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + TIMEOUT
        while True:
            assert self.server.poll() is None, self.server.communicate()
            assert time.monotonic() < deadline
            try:
                socket.create_connection(("127.0.0.1", int(self.port)), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        if self.server is None:
            return
        server, self.server = self.server, None
        if "ask.py" not in self.done[-1]:
            with ThreadPoolExecutor(4) as pool:
                url = f"http://127.0.0.1:{self.port}/"
                answers = list(pool.map(lambda _: urlopen(url, timeout=10).read(), range(16)))
            assert len(answers) == 16
        server.send_signal(signal.SIGINT)
        self.printed += server.communicate(timeout=TIMEOUT)[0]
        self.status = server.returncode

    def close(self) -> None:
        if self.server is not None:
            self.server.kill()
            self.server.communicate()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in PAGES],
)
def test_guide(name: str, tmp_path: Path) -> None:
    for module in PAGES[name]:
        pytest.importorskip(module)
    guide = Guide(tmp_path)
    statuses = []
    try:
        for language, text in FENCE.findall((ROOT / f"docs/how-to/{name}.md").read_text("utf-8")):
            served = guide.server
            guide.block(language, text)
            if served is not None and guide.server is not served:
                statuses.append(guide.status)
        if guide.server is not None:
            guide.stop()
            statuses.append(guide.status)
    finally:
        guide.close()
    # The last one, with gevent's workers, has none.
    assert statuses == {"gunicorn": [66, 0], "ci": []}.get(name, [66])
    assert any("raceway" in command for command in guide.done)
