"""The start of every interpreter: invisible to the program, and present in its children."""

import importlib.util
import json
import os
import shutil
import sys

import pytest

import raceway_autopatch

BOOTSTRAP = os.path.join(os.path.dirname(os.path.abspath(raceway_autopatch.__file__)), "bootstrap")

SHOW = """
import os, sys
module = sys.modules.get("sitecustomize")
print(sys.path, sys.argv, getattr(module, "__file__", None), "usercustomize" in sys.modules)
"""
CUSTOM = {
    "plain": "import sys; print('user', 'raceway_autopatch' in sys.modules)",
    "Exception": "raise ValueError('own')",
    "ImportError": "import no_such_module",
    "ImportError of itself": "raise ImportError('x', name='sitecustomize')",
    "SystemExit": "raise SystemExit(7)",
    "syntax error": "print(",
    "changes the path": "import sys; sys.path.insert(0, 'added')",
}


def in_run(bench, *arguments, env=None):
    """Run Python with the bootstrap folder first on its path, recording into a run directory."""
    run = bench.folder / "run"
    run.mkdir(exist_ok=True)
    before = (env or {}).get("PYTHONPATH", bench.env["PYTHONPATH"])
    env = {
        **(env or {}),
        "RACEWAY_RUN_DIR": str(run),
        "PYTHONPATH": BOOTSTRAP + os.pathsep + before,
    }
    return bench.bare(*arguments, env=env)


def recorded(bench):
    """What the op logs hold, as bytes."""
    return b"".join(path.read_bytes() for path in (bench.folder / "run").iterdir())


@pytest.mark.parametrize("name", CUSTOM)
def test_the_users_sitecustomize_runs_as_without_us(bench, name):
    bench.write("show.py", SHOW)
    bench.write("site/sitecustomize.py", CUSTOM[name])
    env = {"PYTHONPATH": str(bench.folder / "site") + os.pathsep + bench.env["PYTHONPATH"]}

    bare = bench.bare("show.py", env=env)
    ours = in_run(bench, "show.py", env=env)

    if name == "plain":
        assert bare.out.startswith("user False\n")
        bare = bare._replace(out=bare.out.replace("user False", "user True"))
    if name in ("SystemExit", "syntax error"):  # a traceback, with the import inside our file
        bare, ours = (one._replace(err=one.err.splitlines()[-1:]) for one in (bare, ours))
    assert bare == ours


def test_usercustomize_and_no_sitecustomize(bench):
    bench.write("show.py", SHOW)
    bench.write("site/usercustomize.py", "print('usercustomize')")
    env = {"PYTHONPATH": str(bench.folder / "site") + os.pathsep + bench.env["PYTHONPATH"]}

    bare = bench.bare("show.py", env=env)
    ours = in_run(bench, "show.py", env=env)

    assert bare == ours
    assert "None" in ours.out


FAILURES = ["ValueError('x')", "SystemExit(3)", "RecursionError()", "BaseException('x')"]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("where", ["raceway", "raceway_autopatch"])
def test_a_failing_start_is_silent(bench, where, failure):
    bench.write(f"broken/{where}.py", f"raise {failure}")
    env = {"PYTHONPATH": str(bench.folder / "broken") + os.pathsep + bench.env["PYTHONPATH"]}

    code = "import signal; print(1)"
    assert in_run(bench, "-c", code, env=env) == (0, "1\n", "")
    verbose = in_run(bench, "-c", code, env={**env, "RACEWAY_VERBOSE": "1"})
    assert verbose.out == "1\n"
    assert verbose.err.startswith("raceway: process ")
    assert verbose.err.count("\n") == 1


def test_an_interpreter_without_raceway_is_silent(bench):
    bench.write("show.py", SHOW)
    env = {"PYTHONPATH": ""}
    # -I keeps the current interpreter's own packages out; a copy of the folder is all it has.
    outcome = in_run(
        bench,
        "-S",
        "-c",
        f"import sys; sys.path[:] = [{BOOTSTRAP!r}] + [p for p in sys.path if 'lib/python' in p]\n"
        "try:\n    import sitecustomize\nexcept ImportError as e: print(e.name, sys.path[0][-5:])",
        env=env,
    )

    assert outcome.status == 0
    assert outcome.err == ""
    assert "sitecustomize" in outcome.out
    assert "strap" not in outcome.out


@pytest.mark.parametrize(
    "options", [["-I"], ["-E"], ["-S"], ["-O"], ["-X", "dev"], ["-W", "error"]]
)
def test_interpreter_options(bench, options):
    bench.write("show.py", "import sys; print(__name__, sys.argv, sys.flags)")

    assert bench.bare(*options, "show.py") == in_run(bench, *options, "show.py")


def test_environment_of_children(bench):
    bench.write("child.py", "import sys, signal; print('raceway.record.recorder' in sys.modules)")
    bench.write(
        "app.py",
        """
        import os, subprocess, sys
        run = lambda *args, **kw: subprocess.run(args, check=True, **kw)
        run(sys.executable, "child.py")
        run(f"({sys.executable} 'child.py')", shell=True)
        for option in ("-I", "-E", "-S"):
            run(sys.executable, option, "child.py")
        run(sys.executable, "child.py", env={})
        """,
    )

    outcome = bench.launched("app.py")

    assert outcome.out == "True\nTrue\n" + 4 * "False\n"
    assert outcome.own.err == ""


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_and_a_build_by_pip(bench):
    for module in ("pip", "setuptools"):  # not imported: setuptools changes the process
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"there is no {module}")
    bench.write("src/pyproject.toml", "[project]\nname = 'one'\nversion = '1'\n")
    bench.write("src/one.py", "")
    build = f"{sys.executable} -m pip -q wheel --no-deps --no-build-isolation --no-index ./src"
    (bench.folder / "Makefile").write_text(
        f"all:\n\t@{build}\n\t@echo '(built)' \"$$(ls *.whl)\"\n"
    )

    outcome = bench.launched("--report", "r.json", "make")

    assert outcome.status == 0, outcome.err
    assert outcome.out == "(built) one-1-py3-none-any.whl\n"
    assert outcome.own.err == ""
    report = json.loads((bench.folder / "r.json").read_text())
    assert any(" -m pip " in one["command"] for one in report["processes"])
    assert {one["ended"] for one in report["processes"]} == {"exit"}


@pytest.mark.parametrize("twice", [False, True])
def test_several_ways_to_start_us_at_once(bench, twice):
    """A .pth file, our sitecustomize, the launcher and the program itself; nested environments."""
    line = "import raceway_autopatch; raceway_autopatch.install()\n"
    bench.write("site/one.pth", line)
    bench.write("site/two.pth", line)
    bench.write(
        "site/usercustomize.py", "import site\n" + "site.addsitedir('site')\n" * (1 + twice)
    )
    bench.write(
        "app.py",
        """
        import sys, threading
        import raceway, raceway_autopatch
        raceway_autopatch.install()
        print(sum(type(one).__module__ == "raceway_autopatch.registry" for one in sys.meta_path))
        lock = threading.Lock()
        with lock:
            pass
        """,
    )
    path = str(bench.folder / "site") + os.pathsep + bench.env["PYTHONPATH"]

    outcome = bench.launched(
        "--report", "r.json", "app.py", env={"PYTHONPATH": path, "RACEWAY_PATCH": ""}
    )

    assert (outcome.status, outcome.out) == (0, "1\n"), outcome.err
    assert outcome.err.count("raceway:") == 1
    report = json.loads((bench.folder / "r.json").read_text())
    (process,) = report["processes"]
    # Each lock is recorded once: what is taken and released, and where.
    assert report["counts"]["locks"] == 1
    assert process["ops"] < 10


@pytest.mark.parametrize("module", ["threading", "asyncio", "requests", "flask", "queue"])
def test_modules_that_are_loaded_again(bench, module):
    if module in ("requests", "flask"):
        pytest.importorskip(module)
    bench.write(
        "app.py",
        f"""
        import importlib, sys, threading
        import {module}
        old = threading.Lock()
        condition = threading.Condition()
        importlib.reload({module})
        for name in [name for name in sys.modules if name.partition(".")[0] == "{module}"]:
            if name != "threading":  # the interpreter itself holds on to it
                del sys.modules[name]
        again = importlib.import_module("{module}")
        with old, condition, threading.Lock():
            condition.notify()
        print(again.__name__)
        """,
    )

    bare = bench.bare("app.py")
    ours = in_run(bench, "app.py", env={"RACEWAY_PATCH": ""})

    assert ours == bare == (0, f"{module}\n", "")
    assert b"internal" not in recorded(bench)


def test_what_is_imported_at_the_start(bench):
    heavy = "threading asyncio ssl requests wrapt logging subprocess socket typing dataclasses re"
    code = f"import sys; print([m for m in {heavy.split()!r} if m in sys.modules])"
    bare = bench.bare("-c", code)

    assert bare == in_run(bench, "-c", code)


def test_a_program_without_concurrency_pays_for_a_handful_of_modules(bench):
    code = "import sys; print(*sys.modules)"
    bare, ours = bench.bare("-c", code), in_run(bench, "-c", code)

    added = set(ours.out.split()) - set(bare.out.split())

    assert "raceway_autopatch" in added
    assert len(added) <= 5


def test_a_process_that_records_nothing_is_counted(bench):
    bench.write("quiet.py", "print('quiet')")

    outcome = bench.launched("--report", "r.json", "quiet.py")

    assert outcome.out == "quiet\n"
    (process,) = json.loads((bench.folder / "r.json").read_text())["processes"]
    assert process["command"].endswith("quiet.py")
    assert process["ops"] == 0


def test_switched_off(bench):
    code = "import sys; print([m for m in sys.modules if m.startswith('raceway')], sys.path)"
    for value in ("0", "False", " off "):
        env = {"RACEWAY_ENABLED": value}
        assert bench.bare("-c", code, env=env) == in_run(bench, "-c", code, env=env)


def test_nothing_is_imported_from_the_script_folder(bench):
    for name in ("random", "logging", "raceway", "marshal", "atexit", "registry"):
        bench.write(f"{name}.py", "print('taken')")
    bench.write("app.py", "print(1)")

    assert in_run(bench, "app.py").out == "1\n"


def test_subinterpreters_are_left_alone(bench):
    bench.write(
        "app.py",
        """
        import sys
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        number = interpreters.create()
        interpreters.run_string(
            number, "import sys; print('raceway_autopatch' in sys.modules, flush=True)"
        )
        interpreters.destroy(number)
        print('raceway_autopatch' in sys.modules)
        """,
    )

    assert in_run(bench, "app.py") == (0, "False\nTrue\n", "")


def test_a_run_that_is_over_is_no_reason_to_fail(bench):
    env = {"RACEWAY_RUN_DIR": str(bench.folder / "gone")}
    env["PYTHONPATH"] = BOOTSTRAP + os.pathsep + bench.env["PYTHONPATH"]

    assert bench.bare("-c", "print(1)", env=env) == (0, "1\n", "")


def test_nested_launchers(bench):
    bench.write("app.py", SHOW + "print(os.environ['PYTHONPATH'].count('bootstrap'))")

    outcome = bench.launched(*bench.launcher, "app.py")

    assert outcome.status == 0
    assert outcome.out.endswith("\n1\n")
    assert "bootstrap" not in outcome.out


ENDS = {
    "end": "",
    "exit": "raise SystemExit(3)",
    "exception": "raise ValueError",
    "os._exit": "import os; os._exit(3)",
    "TERM": "import os; os.kill(os.getpid(), 15)",
    "TERM that was handled before": "import os, signal\n"
    "before = signal.signal(15, lambda *a: None)\nassert before is signal.SIG_DFL, before\n"
    "signal.signal(15, before)\nassert signal.getsignal(15) is signal.SIG_DFL\n"
    "os.kill(os.getpid(), 15)",
    "simulated TERM": "import _thread, signal\n_thread.interrupt_main(15)\n"
    "signal.signal(15, lambda *a: print('handled'))\n_thread.interrupt_main(15)",
    "TERM in asyncio": "import asyncio, os, signal\nasync def main():\n"
    "    loop = asyncio.get_running_loop()\n"
    "    stop = asyncio.Event()\n    loop.add_signal_handler(15, stop.set)\n"
    "    os.kill(os.getpid(), 15)\n    await stop.wait()\n    loop.remove_signal_handler(15)\n"
    "    os.kill(os.getpid(), 15)\nasyncio.run(main())",
    "exec": "import os, sys; os.execv(sys.executable, [sys.executable, '-c', ''])",
    "execvpe": "import os, sys; os.execvpe('true', ['true'], os.environ)",
    "fork": "import os\nif os.fork() == 0: mark('child'); os._exit(0)\nos.wait()",
    "fork and exit": "import os\nif os.fork() == 0: mark('child'); raise SystemExit\nos.wait()",
    "process": "import multiprocessing as m\nc = m.get_context('fork')\n"
    "p = c.Process(target=mark, args=('child',)); p.start(); p.join()",
}


@pytest.mark.parametrize("name", ENDS)
def test_what_was_recorded_leaves_every_process(bench, name):
    mark = "def mark(text):\n    from raceway.record import recorder\n    recorder.note('mark-' + text)\n"
    bench.write("app.py", mark + "mark('main')\n" + ENDS[name])

    bare = bench.bare("app.py")
    ours = in_run(bench, "app.py")

    assert bare == ours
    assert b"mark-main" in recorded(bench)
    assert (b"mark-child" in recorded(bench)) is ("child" in ENDS[name])


@pytest.mark.parametrize("own_run", [False, True])
def test_ctrl_c_keeps_its_status_whatever_is_done_at_exit(bench, own_run):
    # CPython forgets about the interruption when exec() runs a string after it.
    bench.write(
        "app.py",
        """
        from raceway.record import recorder
        flush = recorder.flush
        def compiling_flush():
            exec("1")
            flush()
        recorder.flush = compiling_flush
        raise KeyboardInterrupt
        """,
    )
    bare = bench.bare("app.py")
    if own_run:
        path = BOOTSTRAP + os.pathsep + bench.env["PYTHONPATH"]
        ours = bench.bare("app.py", env={"PYTHONPATH": path}).own
    else:
        ours = in_run(bench, "app.py")

    assert bare == ours
    assert ours.status == -2


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_helpers_of_multiprocessing_are_not_recorded(bench, method):
    bench.write(
        "app.py",
        f"""
        import multiprocessing, os, sys
        def work(queue):
            from raceway.record import recorder
            recorder.note("mark-child")
            queue.put("raceway_autopatch.activation" in sys.modules and recorder.is_active())
        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            queue = context.SimpleQueue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get())
            process.join()
        """,
    )

    outcome = in_run(bench, "app.py")

    assert outcome == (0, "True\n", "")
    assert b"mark-child" in recorded(bench)
    logs = recorded(bench)
    assert b"resource_tracker import" not in logs
    processes = {path.name.partition("-")[0] for path in (bench.folder / "run").iterdir()}
    assert len(processes) == 2
