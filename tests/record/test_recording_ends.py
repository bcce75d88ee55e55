"""What is recorded arrives, and what the program's signal handlers raise reaches the program."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

HEAD = """
import signal, sys, threading, time
import raceway

class Account:
    def __init__(self):
        self.balance = 0

acct = raceway.watch(Account(), name="acct")
"""


def run(tmp_path, program):
    path, report = tmp_path / "program.py", tmp_path / "report.json"
    path.write_text(HEAD + textwrap.dedent(program))
    env = {name: text for name, text in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    launcher = [sys.executable, "-m", "raceway_autopatch.launcher", "--report", str(report)]
    done = subprocess.run(
        [*launcher, sys.executable, str(path)],
        env=env, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    return done, json.loads(report.read_text())


def test_exceptions_of_signal_handlers_reach_the_program(tmp_path):
    done, report = run(
        tmp_path,
        """
        class Tick(Exception):
            pass

        def tick(*_):
            raise Tick

        signal.signal(signal.SIGALRM, tick)
        ticks = 0
        for _ in range(50):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.005)
                while True:
                    acct.balance += 1
            except Tick:
                ticks += 1
        print(ticks)
        """,
    )

    assert (done.returncode, done.stdout) == (0, "50\n")
    assert report["counts"]["internal_errors"] == 0
    assert report["processes"][0]["ended"] == "exit"


def test_the_end_is_recorded_while_a_daemon_thread_fills_the_buffer(tmp_path):
    done, report = run(
        tmp_path,
        """
        other = raceway.watch(Account(), name="other")

        def busy():
            while True:
                for _ in range(100):
                    other.balance = 1
                time.sleep(0.0005)

        def bump():
            acct.balance += 1

        for _ in range(3):
            threading.Thread(target=busy, daemon=True).start()
        time.sleep(0.1)
        threads = [threading.Thread(target=bump) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """,
    )

    assert done.returncode == 0
    assert ("data-race", "acct.balance") in {
        (one["type"], one["variable"]) for one in report["findings"]
    }
    assert report["processes"][0]["ended"] == "exit"
