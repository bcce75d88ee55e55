"""Debuggers, profilers, test runners and interpreter options that come with Python."""

import re
import sys

import pytest

PYTHON = sys.executable


def test_pdb(pair):
    commands = ["b pay", "c", "p amount, account.balance", "n", "cl 1", "c", "q"]
    steps = [part for command in commands for part in ("-c", command)]
    pair.bench.write("single.py", SINGLE)

    # One thread: a breakpoint in several of them is asked for in whichever comes first.
    out = pair.same(PYTHON, "-m", "pdb", *steps, "single.py", recorded=False)

    assert "(1, 0)" in out


SINGLE = """
import threading
import raceway


class Account:
    balance = 0


account = raceway.watch(Account(), name="account")
lock = threading.Lock()


def pay(amount):
    with lock:
        account.balance += amount


pay(1)
pay(2)
print("balance", account.balance)
"""

TRACERS = {
    "settrace": """
        def tracer(frame, event, arg):
            if frame.f_code.co_filename != app.__file__:
                return None
            seen[frame.f_code.co_name, event] += 1
            return tracer
        sys.settrace(tracer)
        threading.settrace(tracer)
        """,
    "setprofile": """
        def tracer(frame, event, arg):
            if frame.f_code.co_filename == app.__file__ and event in ("call", "return"):
                seen[frame.f_code.co_name, event] += 1
        sys.setprofile(tracer)
        threading.setprofile(tracer)
        """,
    "bdb": """
        import bdb
        class Debugger(bdb.Bdb):
            def user_line(self, frame):
                if frame.f_code.co_filename == app.__file__:
                    seen[frame.f_code.co_name, frame.f_lineno] += 1
        debugger = Debugger()
        debugger.set_trace()
        """,
    "monitoring": """
        tool = sys.monitoring.PROFILER_ID
        sys.monitoring.use_tool_id(tool, "counter")
        def started(code, offset):
            if code.co_filename == app.__file__:
                seen[code.co_name, "start"] += 1
        sys.monitoring.register_callback(tool, sys.monitoring.events.PY_START, started)
        sys.monitoring.set_events(tool, sys.monitoring.events.PY_START)
        """,
}


@pytest.mark.parametrize("name", TRACERS)
def test_what_a_tracer_sees_of_the_program(pair, name):
    if name == "monitoring" and not hasattr(sys, "monitoring"):
        pytest.skip("sys.monitoring comes with Python 3.12")
    head = "import sys, threading, collections\nimport app\nseen = collections.Counter()\n"
    # The number of turns of each thread's loop is chance, their sum is not.
    tail = "app.main()\nsys.settrace(None); sys.setprofile(None)\nprint(sorted(seen.items(), key=str))\n"
    body = TRACERS[name].replace("\n        ", "\n")
    pair.bench.write("traced.py", f"{head}{body}{tail}")

    out = pair.same(PYTHON, "traced.py")

    assert "'pay'" in out or name == "bdb"
    assert "'main'" in out


def test_a_debugger_that_quits_in_a_line_of_ours(pair):
    pair.bench.write(
        "quits.py",
        """
        import bdb, sys
        import app
        place = "raceway" if "raceway_autopatch.patches.threading" in sys.modules else "threading.py"
        def tracer(frame, event, arg):
            if place in frame.f_code.co_filename:
                sys.settrace(None)
                raise bdb.BdbQuit
        app.main()
        sys.settrace(tracer)
        try:
            app.main()
        except bdb.BdbQuit:
            print("quit")
        """,
    )

    bare, ours = pair.run(PYTHON, "quits.py")

    assert bare.out.endswith("quit\n")
    assert ours.out == bare.out, ours.err
    assert "internal error" not in ours.err


def test_cprofile(pair):
    bare, ours = pair.run(PYTHON, "-m", "cProfile", "-s", "name", "app.py")

    def calls(text):
        return re.findall(r"^ +([\d/]+) .*app\.py:\d+\((.*)\)$", text, re.MULTILINE)

    assert calls(bare.out) == calls(ours.out) != []
    assert (bare.status, ours.status) == (0, 0)


OPTIONS = {
    "dev": ("-X", "dev"),
    "importtime": ("-X", "importtime"),
    "tracemalloc": ("-X", "tracemalloc=5"),
    "faulthandler": ("-X", "faulthandler"),
    "warnings": ("-W", "error"),
    "bytes": ("-bb",),
    "optimised": ("-OO",),
    "no bytecode": ("-B",),
    "unbuffered": ("-u",),
    "utf8": ("-X", "utf8"),
    "verbose": ("-v",),
}


ALWAYS = {"dev", "importtime", "warnings", "optimised"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name not in ALWAYS else [])
        for name in OPTIONS
    ],
)
def test_interpreter_options(pair, name):
    assert pair.same(PYTHON, *OPTIONS[name], "app.py").startswith("balance 45")


def test_warnings_are_the_programs(pair):
    pair.bench.write("warns.py", "import app, warnings\napp.main()\nwarnings.warn('mine')")

    bare, ours = pair.run(PYTHON, "-X", "dev", "-W", "always", "warns.py")

    assert bare.err == ours.own.err
    assert "mine" in bare.err


TESTS = '''
import threading, unittest
import app


def twice(number):
    """Double a number, in a thread.

    >>> twice(4)
    8
    >>> twice(None)
    Traceback (most recent call last):
    ...
    TypeError: unsupported operand type(s) for *: 'NoneType' and 'int'
    """
    result = []
    thread = threading.Thread(target=lambda: result.append((number or 0) * 2))
    thread.start()
    thread.join()
    return number * 2 if number is None else result[0]


class Case(unittest.TestCase):
    def test_passes(self):
        app.main()

    def test_fails(self):
        self.assertEqual(twice(3), 7)

    def test_wrong(self):
        with self.assertRaises(TypeError):
            twice(None)
'''


def test_doctest(pair):
    pair.bench.write("checks.py", TESTS)

    assert "4 passed" not in pair.same(PYTHON, "-m", "doctest", "-v", "checks.py", recorded=False)


def test_unittest(pair):
    pair.bench.write("checks.py", TESTS)

    bare, ours = pair.run(PYTHON, "-m", "unittest", "-v", "checks")

    def results(text):
        return re.sub(r"in [\d.]+s", "", re.sub(r"\^+", "", text))

    assert (bare.status, bare.out) == (ours.status, ours.out)
    assert "FAILED (failures=1)" in bare.err
    assert results(bare.err) == results(ours.own.err)


def test_runpy_and_zipapp(pair):
    pair.bench.write("runs.py", "import runpy\nrunpy.run_path('app.py', run_name='__main__')")
    pair.bench.write("package/__main__.py", "import app\napp.main()")
    pair.bench.write("package/app.py", (pair.bench.folder / "app.py").read_text())
    assert pair.bench.bare("-m", "zipapp", "package", "-o", "app.pyz").status == 0

    expected = pair.same(PYTHON, "app.py")

    assert pair.same(PYTHON, "runs.py") == expected
    assert pair.same(PYTHON, "-m", "app") == expected
    assert pair.same(PYTHON, "app.pyz") == expected


def test_pth_files_of_nested_environments(pair):
    """A line of a .pth file that imports runs before sitecustomize; ours must not mind."""
    folder = pair.bench.folder
    made = pair.bench.bare("-m", "venv", "--without-pip", "--system-site-packages", "inner")
    assert made.status == 0, made.err
    python = str(folder / "inner" / "bin" / "python")
    site = next((folder / "inner" / "lib").glob("python*/site-packages"))
    (site / "early.pth").write_text("import early\n")
    (site / "early.py").write_text("import threading\nlock = threading.Lock()\nprint('early')\n")
    (site / "usercustomize.py").write_text("print('user')\n")

    out = pair.same(python, "app.py")

    assert out.startswith("early\n")
