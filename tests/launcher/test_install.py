"""install() and uninstall(): a run of the process's own, and no residue."""

import json
import os

import pytest

import raceway_autopatch

BOOTSTRAP = os.path.join(os.path.dirname(os.path.abspath(raceway_autopatch.__file__)), "bootstrap")


def test_no_residue(bench):
    bench.write(
        "app.py",
        """
        import os, signal, sys
        import raceway_autopatch
        from raceway.record import recorder
        look = lambda: (os._exit, os.execv, os.execve, signal.signal, signal.getsignal,
                        signal.getsignal(15), list(sys.meta_path), dict(os.environ),
                        recorder.is_active())
        import _signal
        before = look(), _signal.getsignal(15)
        for _ in range(3):
            raceway_autopatch.install()
            raceway_autopatch.install()
            assert look()[-1] and look() != before[0]
            raceway_autopatch.uninstall()
            raceway_autopatch.uninstall()
            assert before == (look(), _signal.getsignal(15))
        """,
    )

    outcome = bench.bare("app.py")

    assert outcome.status == 0, outcome.err
    assert outcome.out == ""
    assert bench.left_over() == []


def test_install_takes_no_position_in_another_thread(bench):
    bench.write(
        "app.py",
        """
        import os, threading
        import raceway_autopatch
        thread = threading.Thread(target=raceway_autopatch.install)
        thread.start()
        thread.join()
        os.kill(os.getpid(), 15)
        """,
    )

    assert bench.bare("app.py").status == -15


ENDS = {
    "end": ("", 0),
    "exit": ("raise SystemExit(3)", 3),
    "os._exit": ("import os; os._exit(3)", 3),
    "TERM": ("import os; os.kill(os.getpid(), 15)", -15),
    "exec": ("import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'exit(4)'])", 4),
    "fork": ("import os\nif os.fork() == 0: os._exit(0)\nos.wait()", 0),
    "child": ("import subprocess, sys; subprocess.run([sys.executable, '-c', ''])", 0),
    "uninstalled": ("import raceway_autopatch; raceway_autopatch.uninstall()", 0),
}


@pytest.mark.parametrize("name", ENDS)
def test_one_report_of_a_run_of_its_own(bench, name):
    text, status = ENDS[name]
    bench.write("app.py", text)
    env = {
        "PYTHONPATH": BOOTSTRAP + os.pathsep + bench.env["PYTHONPATH"],
        "RACEWAY_REPORT": "r.json",
    }

    outcome = bench.bare("app.py", env=env)

    assert (outcome.status, outcome.out) == (status, "")
    assert sum(line.startswith("raceway:") for line in outcome.err.splitlines()) == 1, outcome.err
    assert json.loads((bench.folder / "r.json").read_text())["schema"] == "raceway-report/1"
    assert bench.left_over() == []


def test_install_in_the_program_itself(bench):
    bench.write("app.py", "import raceway_autopatch\nraceway_autopatch.install()\nprint(1)")

    outcome = bench.bare("app.py")

    assert (outcome.status, outcome.out) == (0, "1\n")
    assert outcome.err.startswith("raceway:")


def test_locks_that_were_taken_before_are_named(bench):
    del bench.env["RACEWAY_PATCH"]
    bench.write("early.py", "from threading import Lock as Mutex")
    bench.write(
        "app.py",
        """
        import early, threading, logging
        import raceway_autopatch
        raceway_autopatch.install()
        with early.Mutex(), threading.Lock():
            print(1)
        """,
    )

    outcome = bench.bare("app.py", env={"RACEWAY_REPORT": "r.json"})

    assert (outcome.status, outcome.out) == (0, "1\n")
    report = json.loads((bench.folder / "r.json").read_text())
    assert report["notes"] == [
        "locks that early makes: it took Lock or RLock from threading before install()"
    ]
    assert report["counts"]["locks"] == 1


def test_install_under_the_launcher_changes_nothing(bench):
    bench.write("app.py", "import raceway_autopatch\nraceway_autopatch.install()\nprint(1)")

    outcome = bench.launched("app.py")

    assert outcome.out == "1\n"
    assert sum(line.startswith("raceway:") for line in outcome.err.splitlines()) == 1, outcome.err


def test_switched_off(bench):
    bench.write("app.py", "import raceway_autopatch\nraceway_autopatch.install()\nprint(1)")

    assert bench.bare("app.py", env={"RACEWAY_ENABLED": "0"}) == (0, "1\n", "")


def test_no_folder_for_the_run(bench):
    bench.write(
        "app.py",
        """
        import os
        import raceway_autopatch
        from raceway_autopatch import rundir
        def refuse(*args):
            raise PermissionError
        os.mkdir = refuse
        try:
            raceway_autopatch.install()
        except OSError as error:
            print(error)
        """,
    )

    assert "set TMPDIR" in bench.bare("app.py").out


def test_signatures_of_what_is_wrapped(bench):
    bench.write(
        "app.py",
        """
        import inspect, os, signal
        look = lambda: [(f.__name__, f.__doc__, str(inspect.signature(f)))
                        for f in (os._exit, os.execv, os.execve, signal.signal, signal.getsignal)]
        before = look()
        import raceway_autopatch
        raceway_autopatch.install()
        assert before == look()
        raceway_autopatch.uninstall()
        """,
    )

    outcome = bench.bare("app.py")

    assert outcome.status == 0, outcome.err
