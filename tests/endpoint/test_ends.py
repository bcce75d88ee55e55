"""However a process ends under raceway-run: what it did, and what it tracked by hand, is sent once."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from wire_server import WireServer

ROOT = str(Path(__file__).parents[2])
LAUNCHER = [sys.executable, "-m", "raceway_autopatch.launcher"]

PROGRAM = """
    import os, signal, sys, threading
    import raceway
    from raceway import Config, RacewayClient

    shared = raceway.watch({{"n": 0}}, name="shared")
    client = RacewayClient(Config(endpoint={url!r}, flush_interval=60.0))
    client.start_trace()
    client.track_custom("parent")
    shared["n"] = 1
"""
CHILD = """
    def work():
        shared["n"] = 2
        client.track_custom("child")
"""
ENDS = {
    "the end": ("", 0),
    "os._exit": ("os._exit(3)", 3),
    "SIGTERM": ("signal.raise_signal(signal.SIGTERM)", -15),
    "exec": ("os.execv('/bin/true', ['true'])", 0),
    "os.fork": (
        CHILD
        + """
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    os.waitpid(pid, 0)
    """,
        0,
    ),
    "multiprocessing": (
        CHILD
        + """
    import multiprocessing
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    """,
        0,
    ),
}


@pytest.fixture
def server():
    server = WireServer()
    yield server
    server.stop()


@pytest.mark.parametrize("to_server", [True, False], ids=["endpoint", "report"])
@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_lost_and_nothing_sent_twice(server, tmp_path, end, to_server):
    text, status = ENDS[end]
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM.format(url=server.url) + "    " + text.lstrip()))
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, env.get("PYTHONPATH")]))
    # From 3.12 on os.fork warns of the thread that sends.
    env["PYTHONWARNINGS"] = "ignore::DeprecationWarning"
    options = ["--endpoint", server.url] if to_server else ["--quiet"]
    done = subprocess.run(
        [*LAUNCHER, *options, sys.executable, str(program)],
        capture_output=True, text=True, timeout=60, env=env, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
    expected = ["parent"]
    if to_server:
        expected.append("wrote 1")
    if CHILD in text:
        expected += ["child", "wrote 2"] if to_server else ["child"]
    found = [
        fields["name"] if kind == "Custom" else f"wrote {fields['new_value']}"
        for kind, fields in server.kinds()
        if kind in ("Custom", "StateChange")
    ]
    assert sorted(found) == sorted(expected)
    assert server.refusals == []
