"""What raceway-run does with the report: text, files, exit status, and its own failures."""

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def app(bench):
    bench.write("app.py", "import sys; sys.exit(int(sys.argv[1]))")
    return bench


@pytest.mark.parametrize(
    ("severities", "level", "status", "expected"),
    [
        ([], "warning", 0, 0),
        (["info"], "warning", 0, 0),
        (["warning"], "warning", 0, 66),
        (["warning"], "critical", 3, 3),
        (["critical"], "warning", 3, 66),
        (["info", "critical"], "critical", 0, 66),
    ],
)
def test_fail_on(app, severities, level, status, expected):
    app.fake_analysis(severities)

    assert app.launched("--fail-on", level, "app.py", str(status)).status == expected
    assert app.launched("app.py", str(status), env={"RACEWAY_FAIL_ON": level}).status == expected


def test_fail_on_does_not_hide_a_signal(app):
    app.fake_analysis(["critical"])
    app.write("app.py", "import os; os.kill(os.getpid(), 9)")

    outcome = app.launched("--fail-on", "warning", "--report", "r.json", "app.py")

    assert outcome.status == -9
    assert json.loads((app.folder / "r.json").read_text())["findings"]


def test_text_on_stderr_and_files(app):
    app.fake_analysis(["critical"])

    outcome = app.launched("--report", "r.json", "--report=r.txt", "app.py", "4")

    assert (outcome.status, outcome.out) == (4, "")
    assert "x.y" in outcome.err
    document = json.loads((app.folder / "r.json").read_text())
    assert document["schema"] == "raceway-report/1"
    assert "x.y" in (app.folder / "r.txt").read_text()


def test_reports_from_the_environment(app):
    app.fake_analysis()

    app.launched("app.py", "0", env={"RACEWAY_REPORT": f"a.json{os.pathsep}b.txt"})

    assert (app.folder / "a.json").exists()
    assert (app.folder / "b.txt").exists()


def test_quiet(app):
    app.fake_analysis(["critical"])

    assert app.launched("--quiet", "--report", "r.json", "app.py", "0").err == ""
    assert (app.folder / "r.json").exists()


def test_annotations(app):
    """In GitHub Actions, or where they are asked for; never on stdout, and not with --quiet."""
    app.fake_analysis(["critical"])
    step = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(app.folder / "summary.md")}

    def annotated(*options, env):
        outcome = app.launched(*options, "app.py", "4", env=env)
        assert (outcome.status, outcome.out) == (4, "")
        return [line for line in outcome.err.splitlines() if line.startswith("::error ")]

    assert len(annotated(env=step)) == len(annotated("--report", "github", env={})) == 1
    assert len(annotated("--quiet", "--report", "github", env=step)) == 1
    assert annotated(env={}) == annotated("--quiet", env=step) == []
    assert (app.folder / "summary.md").read_text().count("## Raceway") == 2
    assert not (app.folder / "github").exists()


def test_annotations_of_a_run_without_launcher(app):
    app.write("app.py", """
        import raceway_autopatch; raceway_autopatch.install()
        import threading, raceway
        o = raceway.watch(type("O", (), {})(), name="o")
        o.x, threads = 0, []
        def add():
            x = o.x
            o.x = x + 1
        for _ in range(2):
            threads.append(threading.Thread(target=add))
            threads[-1].start()
        for thread in threads: thread.join()
    """)  # fmt: skip
    outcome = app.bare("app.py", env={"RACEWAY_REPORT": "github", "RACEWAY_PATCH": ""})

    assert (outcome.status, outcome.out) == (0, "")
    assert outcome.err.count("\n::error file=app.py,line=") == 1


def test_report_that_cannot_be_written_any_more_is_not_lost(app):
    app.fake_analysis(["critical"])
    app.write("app.py", "import os; os.rmdir('gone')")
    (app.folder / "gone").mkdir()

    outcome = app.launched("--report", "gone/r.json", "app.py")

    assert outcome.status == 0
    line = next(line for line in outcome.err.splitlines() if "cannot write" in line)
    assert str(app.folder / "gone" / "r.json") in line
    instead = line.rpartition(" ")[2]
    assert os.path.dirname(instead) == app.temporary
    with open(instead) as file:
        assert json.load(file)["findings"]


@pytest.mark.parametrize("where", ["init", "step", "finish"])
@pytest.mark.parametrize("command", [["3"], ["0"]])
def test_failing_analysis(app, where, command):
    app.fake_analysis(["critical"], **{where: "raise ValueError('two\\nlines')"})
    options = ["--fail-on", "warning", "--report", "r.json"]

    outcome = app.launched(*options, "app.py", *command)

    assert outcome.status == int(command[0])
    assert outcome.err == ("raceway: analysis failed: ValueError: two lines; please report this\n")
    assert not (app.folder / "r.json").exists()
    verbose = app.launched("--verbose", *options, "app.py", *command)
    assert "Traceback" in verbose.err


def test_failing_renderer(app):
    app.fake_analysis(["critical"])
    driver = app.folder / "driver" / "driver.py"
    driver.write_text(
        "import sys, types\nsys.modules['raceway.report.text'] = None\n" + driver.read_text()
    )

    outcome = app.launched("--fail-on", "warning", "app.py", "0")

    assert outcome.status == 66
    assert outcome.err.startswith("raceway: printing the report failed: ")
    assert outcome.err.count("\n") == 1


def test_what_the_analysis_is_told(app):
    app.fake_analysis(
        init="print(sorted(__import__('os').listdir(run_dir)), file=sys.stderr)",
        finish="print(command[1:], exit_status, file=sys.stderr)",
    )

    assert "('app.py', '3') 3\n" in app.launched("app.py", "3").err
    app.write("app.py", "import os; os.kill(os.getpid(), 9)")
    assert "('app.py',) 137\n" in app.launched("app.py").err


def test_the_analysis_takes_steps_while_the_program_runs(app):
    # The program ends when a step has been made.
    app.write("app.py", "import os, time\nwhile not os.path.exists('stepped'): time.sleep(0.001)")
    app.fake_analysis(step="open('stepped', 'w').close()")

    assert app.launched("app.py").status == 0


def test_run_directory(app):
    app.write(
        "app.py",
        """
        import os, stat
        path = os.environ["RACEWAY_RUN_DIR"]
        print(os.path.basename(path)[:8], oct(stat.S_IMODE(os.stat(path).st_mode)))
        """,
    )
    mode = "0o1733" if os.geteuid() == 0 else "0o700"

    assert app.launched("app.py").out == f"raceway- {mode}\n"
    assert app.left_over() == []
    kept = app.launched("app.py", env={"RACEWAY_KEEP_RUN": "1"})
    (name,) = app.left_over()
    assert f"the recording was kept in {app.temporary}/{name}\n" in kept.err


def test_interrupted_while_reporting(app):
    app.fake_analysis(finish="import os; os.kill(os.getpid(), 2); import time; time.sleep(60)")

    outcome = app.launched("app.py", "0")

    assert outcome.status == -2
    assert outcome.err == "raceway: interrupted, there is no report\n"
    assert app.left_over() == []


def test_interrupted_while_analysing(app):
    """The report is about what was found by then, and the end is that of who is interrupted."""
    app.fake_analysis(
        severities=("critical",),
        catch_up="import os; os.kill(os.getpid(), 2)\n        while go_on(lambda: 3000): pass",
    )

    outcome = app.launched("app.py", "0")

    assert outcome.status == -2
    assert "1 finding (1 critical)" in outcome.err
    assert app.left_over() == []


def test_interrupted_twice_while_analysing(app):
    app.fake_analysis(
        catch_up="import os\n        for _ in range(2): os.kill(os.getpid(), 15)\n"
        "        while True: pass",
    )

    outcome = app.launched("app.py", "0")

    assert outcome.status == -15
    assert outcome.err == "raceway: interrupted, there is no report\n"
    assert app.left_over() == []


def test_a_long_analysis_says_what_is_left(app):
    """On a terminal, in a line that is taken away; quiet says nothing."""
    app.fake_analysis(
        init="from raceway_autopatch import progress; progress.PATIENCE = 0",
        catch_up="import time\n        until = time.monotonic() + 0.1\n"
        "        while time.monotonic() < until: go_on(lambda: 3000)",
    )
    assert "operations left" not in app.launched("app.py", "0").err
    for options, said in (((), True), (("--quiet",), False)):
        terminal, inner = os.openpty()
        process = subprocess.Popen(
            [*app.launcher, *options, sys.executable, "app.py", "0"],
            cwd=app.folder, env=app.env, stderr=inner, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(inner)
        output = b""
        with open(terminal, "rb", buffering=0) as stream:
            while True:
                try:
                    part = stream.read(1000)
                except OSError:  # Linux: nobody has the other end any more
                    break
                if not part:
                    break
                output += part
        assert process.wait() == 0
        line = b"\rraceway: analysing, 3,000 operations left (Ctrl-C: report now)"
        assert (line in output) is said
        assert output.count(b"\r" + b" " * (len(line) - 1) + b"\r") == said


def test_programs_that_are_not_python_and_those_that_record_nothing(app):
    outcome = app.launched("/bin/sh", "-c", "exit 5")
    assert outcome.status == 5
    assert "raceway: nothing was recorded" in outcome.err

    outcome = app.launched("--report", "r.json", "app.py", "0")
    assert "nothing was recorded" not in outcome.err
    assert json.loads((app.folder / "r.json").read_text())["counts"]["processes"] == 1


def test_closed_stderr(app):
    command = f"{' '.join(app.launcher)} {sys.executable} app.py 3 2>&-"

    assert app.run("/bin/sh", "-c", command).status == 3
