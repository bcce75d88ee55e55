"""What a program tracks by hand with the client takes part in the analysis of its run."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent

PROGRAM = """
    import threading
    from raceway import Config, RacewayClient

    client = RacewayClient(Config(endpoint="http://127.0.0.1:9", shutdown_timeout=0.1))
    value = 0

    def bump():
        global value
        {enter}
        old = value
        client.track_state_change("counter", None, old, "app.py:1", "Read")
        value = old + 1
        client.track_state_change("counter", old, value, "app.py:2", "Write")
        {leave}

    threads = [threading.Thread(target=bump) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def findings(tmp_path, enter, leave):
    program, report = tmp_path / "program.py", tmp_path / "report.json"
    program.write_text(textwrap.dedent(PROGRAM.format(enter=enter, leave=leave)))
    env = {name: text for name, text in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    launcher = [sys.executable, "-m", "raceway_autopatch.launcher"]
    subprocess.run(
        [*launcher, "--report", str(report), sys.executable, str(program)],
        env=env, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return [
        (one["type"], one["variable"], one["severity"])
        for one in json.loads(report.read_text())["findings"]
    ]


def test_a_lost_update_is_found(tmp_path):
    assert findings(tmp_path, "", "") == [("data-race", "counter", "critical")]


def test_a_tracked_lock_protects(tmp_path):
    enter = "client.track_lock_acquire('mutex-1', 'Lock')"
    leave = "client.track_lock_release('mutex-1')"

    assert findings(tmp_path, enter, leave) == []


LOSING = """
    import threading
    import raceway
    from raceway import Config, RacewayClient

    client = RacewayClient(Config(endpoint="http://127.0.0.1:9", shutdown_timeout=0.1))
    client.start_trace()
    client.track_custom("x")

    class User:
        def __init__(self):
            self.password, self.name = "s3cret", "ann"

    user = raceway.watch(User(), name="user")

    def change():
        user.password += "!"
        user.name += "!"

    threads = [threading.Thread(target=change) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_the_report_says_what_was_lost_and_no_secret(tmp_path):
    program, report, page = (tmp_path / name for name in ("program.py", "r.json", "r.html"))
    program.write_text(textwrap.dedent(LOSING))
    env = {name: text for name, text in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    launcher = [sys.executable, "-m", "raceway_autopatch.launcher"]
    reports = ["--report", str(report), "--report", str(page)]
    done = subprocess.run(
        [*launcher, *reports, sys.executable, str(program)],
        env=env, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    document = json.loads(report.read_text())
    lost = "http://127.0.0.1:9: of 1 0 arrived, 1 were lost and of 0 nobody knows"
    assert lost in report.read_text()
    assert "1 were" in done.stderr
    shown = {one["variable"]: json.dumps(one) for one in document["findings"]}
    assert "'ann'" in shown["user.name"] or '"ann' in shown["user.name"]
    assert "<redacted>" in shown["user.password"]
    for text in (report.read_text(), page.read_text(), done.stderr):
        # The line of the program is shown as it is; the value is not.
        assert "s3cret" not in text.replace('self.password, self.name = \\"s3cret\\"', "")
