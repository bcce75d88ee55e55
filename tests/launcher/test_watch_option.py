"""``--watch``: programs that name nothing of Raceway, and what is found in them."""

import json
import os
import re
import sys
from importlib.util import find_spec

import pytest

from raceway_autopatch.options import UsageError, parse

COMMAND = ["python", "app.py"]

MODELS = """
    from dataclasses import dataclass, field

    class Account:
        def __init__(self):
            self.balance = 0

        def deposit(self, amount):
            balance = self.balance
            self.balance = balance + amount

    class Savings(Account):
        pass

    @dataclass
    class Point:
        x: int = 0

        def move(self):
            x = self.x
            self.x = x + 1
"""

THREADS = """
    import threading

    def twice(work):
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
"""


class Watched:
    """The outcome of a program, and its report."""

    def __init__(self, outcome, report):
        self.outcome = outcome
        self.variables = {finding["variable"] for finding in report["findings"]}
        self.notes = report["notes"]

    def note(self, word):
        (found,) = [note for note in self.notes if word in note]
        return found


@pytest.fixture
def watched(bench):
    """Write an application, run it with ``--watch``, and read the report."""
    bench.env["RACEWAY_PATCH"] = ""
    bench.write("shop/__init__.py", "")
    bench.write("shop/models.py", MODELS)
    bench.write("shop/threads.py", THREADS)

    def run(program, *patterns, command=("app.py",), env=None):
        bench.write("app.py", program)
        options = [word for pattern in patterns for word in ("--watch", pattern)]
        outcome = bench.launched(*options, "--report", "r.json", *command, env=env)
        return Watched(outcome, json.loads((bench.folder / "r.json").read_text()))

    run.bench = bench
    return run


# ---------------------------------------------------------------- classes


@pytest.mark.parametrize(
    ("pattern", "program", "variable"),
    [
        ("shop.models:Account", "obj = m.Account(); act = lambda: obj.deposit(1)", "balance"),
        ("shop.models:Account", "obj = m.Savings(); act = lambda: obj.deposit(1)", "balance"),
        ("shop.*:S*", "obj = m.Savings(); act = lambda: obj.deposit(1)", "balance"),
        ("shop.models", "obj = m.Point(3); act = lambda: obj.move()", "x"),
        (
            "shop.models:Point",
            "import copy; obj = copy.copy(m.Point(3)); act = lambda: obj.move()",
            "x",
        ),
        (
            "shop.models:Account",
            "import pickle; obj = pickle.loads(pickle.dumps(m.Account()));"
            "act = lambda: obj.deposit(1)",
            "balance",
        ),
        (
            "shop.models:Account",
            "obj = m.Account.__new__(m.Account); obj.__dict__['balance'] = 1;"
            "act = lambda: obj.deposit(1)",
            "balance",
        ),
    ],
    ids=["plain", "inherited", "subclass", "dataclass", "copy", "pickle", "new"],
)
def test_race_on_an_object_of_a_class(watched, pattern, program, variable):
    found = watched(
        f"import shop.models as m\nfrom shop.threads import twice\n{program}\ntwice(act)", pattern
    )

    assert {name.rpartition(".")[2] for name in found.variables} == {variable}
    assert found.notes == [] or found.note("but what --watch")


def test_program_with_a_lock_is_clean(watched):
    found = watched(
        """
        import threading
        from shop.models import Account
        from shop.threads import twice

        account, lock = Account(), threading.Lock()

        def work():
            with lock:
                account.deposit(1)

        twice(work)
        print(account.balance)
        """,
        "shop.models:Account",
    )

    assert found.outcome.out == "2\n"
    assert not found.variables
    assert not found.notes
    assert "no races found; watched 1 object" in found.outcome.err
    assert "--watch" not in found.outcome.err


def test_what_cannot_be_watched_is_left_alone_and_named(watched):
    program = """
        import enum

        class Meta(type):
            def __setattr__(cls, name, value):
                raise RuntimeError(name)

        class Made(metaclass=Meta):
            def __init__(self):
                self.x = 1

        class Color(enum.Enum):
            RED = 1

        print(Made().x, Color.RED, Color(1) is Color.RED)
    """
    found = watched(program, "__main__:Made", "__main__:Color")

    assert found.outcome.out == "1 Color.RED True\n"
    assert "metaclass Meta" in found.note("__main__.Made")
    assert "constants" in found.note("__main__.Color")


# ---------------------------------------------------------------- variables of a module


STATE = """
    CACHE = {}
    queue: list = []
    counter = 0

    def bump():
        global counter
        value = counter
        counter = value + 1

    def remember(key):
        if key not in CACHE:
            CACHE[key] = 0
        CACHE[key] += 1

    def take():
        if len(queue) < 5:
            queue.append(len(queue))
"""


@pytest.mark.parametrize(
    ("pattern", "call", "variable"),
    [
        ("shop.state:counter", "state.bump", "shop.state.counter"),
        ("shop.*:c*", "state.bump", "shop.state.counter"),
        ("shop.state:CACHE", "lambda: state.remember('k')", "shop.state.CACHE['k']"),
        ("shop.state:queue", "state.take", "shop.state.queue"),
        ("shop.state", "lambda: state.remember('k')", "shop.state.CACHE['k']"),
    ],
)
def test_race_on_a_variable_of_a_module(watched, pattern, call, variable):
    watched.bench.write("shop/state.py", STATE)
    found = watched(
        f"from shop import state\nfrom shop.threads import twice\ntwice({call})", pattern
    )

    assert found.variables == {variable}


def test_variable_is_one_and_the_same_from_other_modules(watched):
    watched.bench.write("shop/state.py", STATE)
    found = watched(
        """
        from shop import state
        from shop.threads import twice

        def work():
            state.counter = state.counter + 1
            state.bump()

        twice(work)
        print(state.counter, vars(state)["counter"], hasattr(state, "nothing"))
        """,
        "shop.state:counter",
    )

    assert found.outcome.out == "4 4 False\n"
    assert found.variables == {"shop.state.counter"}


def test_object_of_a_module_is_tracked_in_place(watched):
    watched.bench.write(
        "shop/state.py",
        """
        from shop.models import Account

        class Holder:
            held = None

        Holder.held = account = Account()
        """,
    )
    found = watched(
        """
        from shop import state
        from shop.threads import twice
        twice(lambda: state.account.deposit(1))
        print(state.Holder.held is state.account, type(state.account).__name__)
        """,
        "shop.state:account",
    )

    assert found.outcome.out == "True Account\n"
    assert {name.rpartition(".")[2] for name in found.variables} == {"balance"}


def test_container_that_somebody_else_holds_is_left_alone(watched):
    watched.bench.write(
        "shop/state.py",
        """
        def shared(kept=[]):
            kept.append({})
            return kept[-1]

        table = shared()
        same = shared.__defaults__[0][-1]
        """,
    )
    found = watched("from shop import state\nprint(state.table is state.same)", "shop.state:table")

    assert found.outcome.out == "True\n"
    assert "other code holds it" in found.note("contents of shop.state.table")


# ---------------------------------------------------------------- the program itself


PROGRAM = """
    '''A program.'''
    import sys
    from shop.threads import twice

    total = 0
    seen = {}

    class Job:
        def __init__(self):
            self.done = 0

    job = Job()

    def work():
        global total
        total += 1
        job.done += 1
        seen["k"] = seen.get("k", 0) + 1

    if __name__ == "__main__":
        twice(work)
        print(total, job.done, seen, __doc__, sys.argv[1:], len(sys.path_hooks))
"""
FOUND = {"__main__.total", "job.done", "__main__.seen['k']"}


@pytest.mark.parametrize(
    ("command", "pattern"),
    [
        (("app.py", "x"), "__main__"),
        (("app.py", "x"), "*"),
        (("app.py", "x"), "app:*"),
        (("-m", "app", "x"), "__main__"),
        (("-m", "app", "x"), "auto"),
    ],
)
def test_the_program_itself(watched, command, pattern):
    found = watched(PROGRAM, pattern, command=command)

    assert found.outcome.out == watched.bench.bare(*command).out
    assert {name for name in found.variables if not name.endswith("seen")} == FOUND


def test_class_of_the_program_by_name(watched):
    found = watched(PROGRAM, "__main__:Job")

    assert found.variables == {"job.done"}


def test_package_as_program(watched):
    watched.bench.write("tool/__init__.py", "")
    watched.bench.write("tool/__main__.py", PROGRAM)

    found = watched("", "__main__:total", command=("-m", "tool"))

    assert found.variables == {"__main__.total"}


ENDS = {
    "an exception": "def f():\n    raise ValueError('x')\nf()",
    "a chain": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError(2) from error",
    "a status": "import sys, atexit\natexit.register(lambda: print(__file__))\nsys.exit(7)",
    "Ctrl-C": "import signal\nsignal.raise_signal(signal.SIGINT)",
    "a missing name": "nothing",
    "a syntax error": "x = = 1",
}


@pytest.mark.parametrize("end", ENDS)
def test_program_ends_as_without_us(watched, end):
    program = (
        f"total = 0\ndef up():\n    global total\n    total += 1\nup()\ndel total\n{ENDS[end]}"
    )
    found = watched(program, "__main__")
    bare = watched.bench.bare("app.py")

    expected = bare.err.splitlines()
    got = found.outcome.err.splitlines()[: len(expected)]
    if sys.version_info < (3, 11):  # one entry of ours, as the limits say
        got = found.outcome.err
        got = re.sub(r'  File ".*watch_imports\.py".*\n.*\n', "", got).splitlines()[: len(expected)]
    assert (found.outcome.status, found.outcome.out) == (bare.status, bare.out)
    assert got == expected


NAMESPACE = """
    import sys
    class A: pass
    b = {}
    print(sorted(globals()), __file__, __spec__ and __spec__.name, __package__, type(__loader__))
    print(sys.path[0], sys.argv, len(sys.path_hooks), sys.path_importer_cache.get(__file__, 0))
    print(type(sys.modules["__main__"]), sys.modules["__main__"].b is b, "runpy" in globals())
"""


@pytest.mark.parametrize("command", [("app.py",), ("link.py",), ("-m", "app"), ("folder",)])
def test_program_finds_what_it_finds_without_us(watched, command):
    folder = watched.bench.write("folder/__main__.py", NAMESPACE)
    os.symlink(folder, watched.bench.folder / "link.py")
    found = watched(NAMESPACE, "*", command=("python", *command))

    assert found.outcome.out == watched.bench.bare(*command).out


# ---------------------------------------------------------------- auto, settings, child processes


def test_auto_takes_the_application_and_nothing_else(watched):
    bench = watched.bench
    library = "class Library:\n    def __init__(self):\n        self.x = 0\n"
    bench.write("venv/pyvenv.cfg", "")
    bench.write("venv/library.py", library)
    bench.write("site-packages/installed.py", library.replace("Library", "Installed"))
    found = watched(
        """
        import sys
        sys.path += ["venv", "site-packages"]
        import library, installed, shop.models
        from shop.threads import twice
        objects = [library.Library(), installed.Installed(), shop.models.Account()]

        def work():
            objects[0].x += 1
            objects[1].x += 1
            objects[2].deposit(1)

        twice(work)
        """,
        "auto",
    )

    assert found.variables == {"account.balance"}
    chose = found.note("but what --watch 'auto' chose")
    assert "shop.models.Account" in chose
    assert "Library" not in chose
    assert "Installed" not in chose


def test_auto_has_a_budget(watched):
    found = watched(
        """
        from shop.models import Account
        kept = [Account() for _ in range(1_200)]
        print(sum(account.balance for account in kept))
        """,
        "auto",
    )

    assert found.outcome.out == "0\n"
    assert "after the first 1,000" in found.note("objects called account")


def test_what_the_program_watches_itself(watched):
    found = watched(
        """
        import raceway
        from shop.models import Account
        from shop.threads import twice

        counts = raceway.watch({"k": 0}, name="counts")

        def work():
            counts["k"] += 1

        twice(work)
        print(raceway.unwatch(counts))
        """,
        "shop.models:Account",
    )

    assert found.outcome.out == "{'k': 2}\n"
    assert found.variables == {"counts['k']"}


def test_settings_of_the_project(watched):
    watched.bench.write("pyproject.toml", '[tool.raceway]\nwatch = ["__main__:Job"]\n')

    found = watched(PROGRAM)

    readable = find_spec("tomllib") or find_spec("tomli")
    assert found.variables == ({"job.done"} if readable else set())


def test_child_processes(watched):
    watched.bench.write("worker.py", PROGRAM)
    found = watched(
        "import subprocess, sys; subprocess.run([sys.executable, 'worker.py'], check=True)",
        env={"RACEWAY_WATCH": "worker:Job"},
    )

    assert found.variables == {"job.done"}


def test_install_in_the_program(watched):
    found = watched.bench
    found.write("app.py", "import raceway_autopatch; raceway_autopatch.install()\nimport own")
    found.write("own.py", PROGRAM.replace('__name__ == "__main__"', "True"))

    outcome = found.bare("app.py", env={"RACEWAY_WATCH": "own:Job,a/b.py"})

    assert "data race  job.done" in outcome.err
    assert "RACEWAY_WATCH 'a/b.py' is passed over: it is a path" in outcome.err


def test_module_that_another_loader_executes(watched):
    watched.bench.write(
        "finder.py",
        """
        import importlib.machinery, importlib.util, sys

        class Loader(importlib.machinery.SourceFileLoader):
            def exec_module(self, module):
                exec(compile(self.get_source(module.__name__), self.path, "exec"), vars(module))

        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name == "own":
                    loader = Loader(name, "elsewhere/own.py")
                    return importlib.util.spec_from_file_location(name, loader.path, loader=loader)

        sys.meta_path.append(Finder())
        """,
    )
    own = "class Job:\n    done = 0\ntable = {}\nkept = [table]\nfree = {}"
    watched.bench.write("elsewhere/own.py", own)
    found = watched(
        """
        import finder, own, shop.threads
        job = own.Job()

        def work():
            job.done += 1
            own.free["k"] = own.free.get("k", 0) + 1

        shop.threads.twice(work)
        print(own.table is own.kept[0])
        """,
        "own:*",
    )

    assert found.outcome.out == "True\n"
    assert {"job.done", "own.free['k']"} <= found.variables
    assert "other code holds it" in found.note("contents of own.table")


# ---------------------------------------------------------------- our own failures


@pytest.mark.parametrize(
    "fault",
    [
        "raceway_autopatch.watch_imports.Watching._install",
        "raceway_autopatch.watch_imports.Watching._prepare_script",
        "raceway_autopatch.watched_module.WatchedModule._class",
        "raceway_autopatch.watched_module.WatchedModule._value",
        "raceway.watch.rewriting.rewrite",
        "raceway.watch.module_globals.watch_globals",
        "raceway.record.chosen.tell",
    ],
)
def test_failure_of_ours_changes_nothing(watched, fault):
    watched.bench.write("shop/state.py", STATE)
    program = PROGRAM.replace("import sys", "import sys, shop.state", 1)
    found = watched(program, "*", env={"RACEWAY_FAULTS": f"{fault}:RuntimeError"})

    bare = watched.bench.bare("app.py")
    assert (found.outcome.status, found.outcome.out) == (bare.status, bare.out)
    assert "internal error" in found.outcome.err


# ---------------------------------------------------------------- patterns


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("shop.modles:Account", "no such module was imported"),
        ("shop.models:Acount", "matches 'Acount'"),
        ("shop.models:twice", "matches 'twice'"),
    ],
)
def test_pattern_that_matches_nothing_is_named_even_if_nothing_was_found(watched, pattern, remedy):
    found = watched("import shop.models", pattern)

    assert pattern in found.note("check the name")
    assert remedy in found.note("check the name")
    assert found.note("check the name") in found.outcome.err


@pytest.mark.parametrize(
    "pattern", ["shop/models.py", "shop..models:A", "shop.models:A.b", "a:b:c", ":A", "3a:B", "a b"]
)
def test_bad_pattern_is_a_usage_error_that_names_it(bench, pattern):
    outcome = bench.launched("--watch", f"good:A,{pattern}", *COMMAND)

    assert outcome.status == 2
    assert repr(pattern) in outcome.err
    assert "shop.models:Account" in outcome.err


def test_options_variable_and_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = tmp_path / "pyproject.toml"
    settings.write_text('[tool.raceway]\nwatch = ["c:C", "d"]\n')
    env = {"RACEWAY_WATCH": "b:B, auto"}

    assert parse(["--watch", "a:A", "--watch=a:X,y", *COMMAND], env).watch == ("a:A", "a:X", "y")
    assert parse(COMMAND, env).watch == ("b:B", "auto")
    if sys.version_info >= (3, 11):
        assert parse(COMMAND, {}).watch == ("c:C", "d")
        settings.write_text('[tool.raceway]\nwatch = "c:C"\n')
        with pytest.raises(UsageError, match="must be a list"):
            parse(COMMAND, {})
        settings.write_text('[tool.raceway]\nwatch = ["c/C.py"]\n')
        with pytest.raises(UsageError, match=r"'c/C.py' is not usable: it is a path"):
            parse(COMMAND, {})


def test_a_lock_that_a_tracked_defaultdict_makes_is_made_where_it_is_asked_for(bench):
    """The factory is called by us, in the name of the program."""
    del bench.env["RACEWAY_PATCH"]
    bench.write("things.py", THREADS)
    bench.write(
        "app.py",
        """
        from collections import defaultdict
        from threading import Lock
        from things import twice

        locks = defaultdict(Lock)
        stock = {"apple": 5}
        locks["apple"]  # made here

        def sell():
            with locks["apple"]:
                left = stock["apple"]
            with locks["apple"]:
                stock["apple"] = left - 1

        twice(sell)
        """,
    )
    bench.launched("--report", "r.json", "--watch", "app:locks", "--watch", "app:stock", *COMMAND)
    (found,) = json.loads((bench.folder / "r.json").read_text())["findings"]
    (lock,) = found["locks"]
    assert lock["location"].endswith("app.py:8")
