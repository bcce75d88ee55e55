"""What can stand behind raceway-run, and what it says about mistakes."""

import os
import sys

import pytest

import raceway


@pytest.fixture
def app(bench):
    bench.write("app.py", "import sys; print(__name__, sys.argv[1:])")
    return bench


@pytest.mark.parametrize(
    "command",
    [
        ["app.py", "-x", "--quiet"],
        ["--", "app.py", "-x", "--quiet"],
        [sys.executable, "app.py", "-x", "--quiet"],
        ["--", sys.executable, "app.py", "-x", "--quiet"],
        ["-m", "app", "-x", "--quiet"],
        ["--", "-m", "app", "-x", "--quiet"],
        ["/bin/sh", "-c", f"{sys.executable} app.py -x '--quiet'"],
        ["--service=x", "./run", "--quiet"],
        ["env", "A=(b)", sys.executable, "app.py", "-x", "--quiet"],
    ],
    ids=" ".join,
)
def test_command_forms(app, command):
    app.write("run", f"#!/bin/sh\nexec {sys.executable} app.py -x $1\n")
    os.chmod(app.folder / "run", 0o755)

    outcome = app.launched("--quiet", *command)

    assert (outcome.status, outcome.out) == (0, "__main__ ['-x', '--quiet']\n"), outcome.err


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (["no-such-command"], 127, "'no-such-command': command not found"),
        (["./no-such-file"], 127, "'./no-such-file': command not found"),
        (["no_such.py"], 127, "no_such.py: no such file"),
        ([""], 127, "the command is empty"),
        (["./plain"], 126, "./plain: is not executable; try chmod +x"),
        (["./folder"], 126, "./folder: is a folder"),
        (["./empty"], 126, "./empty: cannot be executed"),
        ([], 2, "there is no command to run"),
        (["--"], 2, "there is no command to run"),
        (["--unknown", "app.py"], 2, "unknown option '--unknown'"),
        (["-c", "print(1)"], 2, "unknown option '-c': options of the program go after"),
        (["--quiet=1", "app.py"], 2, "unknown option '--quiet=1'"),
        (["--report"], 2, "--report needs a value"),
        (["--report", "r.pdf", "app.py"], 2, "--report 'r.pdf' is not usable"),
        (["--report", "no/r.json", "app.py"], 2, "no'; create it"),
        (["--report", "folder.json", "app.py"], 2, "it is a folder; give the name of a file"),
        (["--fail-on", "fatal", "app.py"], 2, "'fatal' is not usable: give critical or warning"),
        (["--fail-on=", "app.py"], 2, "--fail-on '' is not usable"),
        (["--endpoint", "localhost:8080", "app.py"], 2, "give a URL such as http://localhost"),
        (["--endpoint", "http://", "app.py"], 2, "give a URL such as http://localhost"),
        (["--endpoint", "http://x:y", "app.py"], 2, "give a URL such as http://localhost"),
        (["--endpoint", "http://x y", "app.py"], 2, "give a URL such as http://localhost"),
        (["--service", " ", "app.py"], 2, "--service ' ' is not usable: give a name"),
        (["--quiet", "--verbose", "app.py"], 2, "contradict each other"),
    ],
    ids=str,
)
def test_mistakes(app, command, status, message):
    app.write("plain", "text")
    app.write("empty", "text")
    os.chmod(app.folder / "empty", 0o755)
    (app.folder / "folder").mkdir()
    (app.folder / "folder.json").mkdir()

    outcome = app.launched(*command)

    assert outcome.status == status
    assert outcome.out == ""
    assert outcome.err.startswith("raceway-run: ")
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    assert app.left_over() == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RACEWAY_ENDPOINT", "x", "RACEWAY_ENDPOINT 'x' is not usable: give a URL"),
        ("RACEWAY_SERVICE", "a\tb", "RACEWAY_SERVICE 'a\\tb' is not usable: give a name"),
        ("RACEWAY_REPORT", "r.pdf", "RACEWAY_REPORT 'r.pdf' is not usable"),
        ("RACEWAY_FAIL_ON", "x", "RACEWAY_FAIL_ON 'x' is not usable: give critical or warning"),
        ("RACEWAY_ENABLED", "x", "RACEWAY_ENABLED 'x' is not usable: give 1 or 0"),
        ("RACEWAY_PATCH", "-x", "RACEWAY_PATCH '-x' is not usable: there is no 'x'; give thr"),
    ],
)
def test_mistakes_in_the_environment(app, name, value, message):
    outcome = app.launched("app.py", env={name: value})

    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith(f"raceway-run: {message}")


def test_empty_variables_are_unset(app):
    names = ("ENDPOINT", "SERVICE", "REPORT", "FAIL_ON", "ENABLED", "PATCH", "RUN_DIR")

    outcome = app.launched("--quiet", "app.py", env={f"RACEWAY_{name}": "" for name in names})

    assert (outcome.status, outcome.out) == (0, "__main__ []\n")


def test_nowhere_to_record(app):
    """The program is not blamed."""
    app.write(
        "driver.py",
        """
        import os, sys
        from raceway_autopatch import launcher
        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")
        os.mkdir = full
        sys.exit(launcher.main())
        """,
    )
    outcome = app.run(sys.executable, "driver.py", "app.py")

    assert (outcome.status, outcome.out) == (126, "")
    assert outcome.err == (
        "raceway-run: no directory for temporary files can be written to; set TMPDIR to one\n"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission(app):
    (app.folder / "closed").mkdir(mode=0o500)

    outcome = app.launched("--report", "closed/r.json", "app.py")

    assert outcome.status == 2
    assert "you may not write to" in outcome.err


def test_help_and_version(app):
    assert app.launched("--help").out.startswith("usage: raceway-run")
    assert app.launched("-h", "app.py").status == 0
    assert app.launched("--version").out.startswith(f"raceway-run {raceway.__version__} (")


def test_nothing_is_taken_from_the_working_directory(bench):
    for name in ("random", "logging", "signal", "tempfile", "raceway", "selectors", "json"):
        bench.write(f"{name}.py", "print('from the working directory')")
    bench.write("bin/app.py", "import random, logging; print(random.random() < 1)")

    assert bench.launched("bin/app.py").out == "True\n"


def test_with_an_endpoint_the_program_takes_our_place(bench):
    bench.write(
        "app.py",
        """
        import os
        print(os.getpid(), os.environ["RACEWAY_ENDPOINT"], os.environ["RACEWAY_SERVICE"],
              "RACEWAY_RUN_DIR" in os.environ, flush=True)
        os._exit(5)
        """,
    )
    process = bench.start(
        *bench.launcher, "--endpoint", "http://localhost:1", "--service", "shop", "app.py"
    )

    out, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (5, "")
    assert out == f"{process.pid} http://localhost:1 shop False\n"


def test_little_is_imported_before_the_program_starts(bench):
    """Renderers, dataclasses and the analysis come when it runs."""
    bench.write(
        "options.py",
        """
        import sys
        from raceway_autopatch.options import parse
        parse(["--report", "r.trace.json", "--report", "r.html", "--fail-on", "warning", "x"], {})
        heavy = "dataclasses inspect pathlib json raceway.report.files raceway.analysis"
        print([name for name in heavy.split() if name in sys.modules])
        """,
    )

    assert bench.bare("options.py").out == "[]\n"
