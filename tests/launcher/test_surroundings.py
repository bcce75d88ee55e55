"""Programs that change what is around them: what they record arrives, or the report says so."""

import json
import os
import subprocess
import sys
import tempfile
import time

import pytest

HEAD = """
import os, resource, signal, subprocess, sys, threading
import raceway

class Box:
    n = 0

box = raceway.watch(Box(), name="box")

def both(times=5):
    def work():
        for _ in range(times):
            box.n += 1
    threads = [threading.Thread(target=work) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""
MANY = 5_000  # both() makes some chunks of it
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do that")


@pytest.fixture
def run(bench):
    """Run a program under raceway-run, with all patches."""
    del bench.env["RACEWAY_PATCH"]
    # A folder that others may look into, as the system's is; nobody can list it.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        bench.env["TMPDIR"] = folder
        yield _runner(bench)


def _runner(bench):
    def run(program, *, head=HEAD, name="app.py"):
        bench.write(name, head)
        with open(bench.folder / name, "a") as file:
            file.write(program)
        outcome = bench.launched("--report", "r.json", name)
        return outcome, json.loads((bench.folder / "r.json").read_text())

    return run


def lines(outcome):
    """What the report says about processes."""
    return [line for line in outcome.err.splitlines() if line.startswith("raceway: process")]


WHOLE = {
    "the environment is emptied": "both()\nos.environ.clear()\n"
    "if not os.fork():\n    both()\n    os._exit(0)\nos.wait()\nboth()\n",
    "the working directory is another": "both()\nos.chdir('/')\nboth()\n",
    "descriptors are closed": "both()\nos.closerange(0, 256)\nboth()\n",
    "no descriptor is left for a while": f"""
keep = []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        keep.append(os.dup(2))
except OSError:
    pass
both({MANY})
late = raceway.watch(Box(), name="late")
for descriptor in keep:
    os.close(descriptor)
both()
def write():
    late.n = 1
threads = [threading.Thread(target=write) for _ in "ab"]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
""",
    "the disk is full for a while": f"""
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
both({MANY})
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
both()
""",
    "the umask forbids everything": """
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)  # root may read what nobody may
os.umask(0o777)
if not os.fork():
    both()
    os._exit(0)
os.wait()
both()
""",
}


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_is_lost(run, name):
    outcome, report = run(WHOLE[name])

    assert outcome.status == 0, outcome.err
    assert {one["ended"] for one in report["processes"]} == {"exit"}
    assert report["counts"]["dropped"] == report["counts"]["internal_errors"] == 0
    variables = {one["variable"] for one in report["findings"]}
    assert variables == ({"box.n", "late.n"} if "late" in WHOLE[name] else {"box.n"})
    rounds = WHOLE[name].count("both(")
    many = WHOLE[name].count(f"both({MANY})")
    # Two threads read and write; the first read in a process finds the attribute of the class.
    assert report["counts"]["accesses"] >= 4 * (5 * (rounds - many) + MANY * many) - 2
    assert lines(outcome) == []


@as_root
def test_privileges_are_given_up(run):
    program = """
both()
from raceway.record import recorder
recorder.flush()
os.setgid(65534)
os.setuid(65534)
both()
if not os.fork():
    both()
    os._exit(0)
os.wait()
"""
    outcome, report = run(program)

    assert outcome.status == 0, outcome.err
    assert [one["ended"] for one in report["processes"]] == ["exit", "exit"]
    assert report["counts"]["accesses"] >= 3 * 20 - 2
    assert lines(outcome) == []


def test_the_disk_stays_full(run):
    program = f"""
both()
from raceway.record import recorder
recorder.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
for _ in range(6):
    both({MANY})
print(len(recorder.BUFFER) < 50 * recorder.CHUNK_ITEMS)
"""
    outcome, report = run(program)

    assert (outcome.status, outcome.out) == (0, "True\n"), outcome.err
    (process,) = report["processes"]
    assert process["ended"] == "lost: File too large"
    assert report["counts"]["dropped"] > 6 * 4 * MANY
    assert report["counts"]["internal_errors"] == 0
    assert {one["variable"] for one in report["findings"]} == {"box.n"}  # what came before
    (line,) = lines(outcome)
    assert line.endswith(
        "could not write its log to the end (File too large); its last ops are missing"
    )


GONE = {
    "the run directory is removed": "import shutil\nshutil.rmtree(os.environ['RACEWAY_RUN_DIR'])",
    "the root is another": "os.chroot(os.getcwd())",
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=as_root) for name in GONE])
def test_the_run_directory_cannot_be_reached_any_more(run, name):
    program = f"""
both()
{GONE[name]}
for _ in range(3):
    both({MANY})
from raceway.record import recorder
print(len(recorder.BUFFER) < 3 * recorder.CHUNK_ITEMS, recorder.status.errors)
if not os.fork():
    both()
    os._exit(5)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    outcome, report = run(program)

    assert (outcome.status, outcome.out) == (0, "True {}\n5\n"), outcome.err
    # What was read before the directory was removed depends on who was faster.
    ends = [one["ended"] for one in report["processes"]]
    if "removed" in name:
        assert ends in ([], ["status 0"])
        assert report["notes"][-1] == "the run directory was removed while the program ran"
    else:
        assert ends == ["status 0"]
        assert report["findings"]  # what came before is in the log
    assert len(lines(outcome)) == len(ends)
    for line in lines(outcome):
        assert line.endswith("ended with status 0, but not its log; its last ops may be missing")


def test_a_daemon_outlives_the_run(run, bench):
    program = """
import logging, time
logging.basicConfig(filename="daemon.log", level=logging.DEBUG)
reader, writer = os.pipe()
if os.fork():
    os.close(writer)
    os.read(reader, 1)  # until the daemon records
    os._exit(3)
os.setsid()
if os.fork():
    os._exit(0)
from raceway.record import recorder
both()
recorder.flush()
folder = os.getcwd()
os.write(writer, b"x")
os.closerange(0, 256)
os.chdir("/")
deadline = time.monotonic() + 60
while os.path.isdir(os.environ["RACEWAY_RUN_DIR"]) and time.monotonic() < deadline:
    box.n = 1  # never at rest: the report must not wait for that
for _ in range(3):
    both(5_000)
os.chdir(folder)
text = f"{len(recorder.BUFFER) < 3 * recorder.CHUNK_ITEMS} {recorder.status.errors}"
with open("done.tmp", "w") as file:
    file.write(text + open("daemon.log").read())
os.rename("done.tmp", "done")
"""
    outcome, report = run(program)

    assert outcome.status == 3
    assert [one["ended"] for one in report["processes"]] == ["exit", "exit", "running"]
    (line,) = lines(outcome)
    assert line.endswith("is still running; what it does from now on is not in this report")
    deadline = time.monotonic() + 60
    while not (bench.folder / "done").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (bench.folder / "done").read_text() == "True {}"


UNEXPECTED = {
    "killed": ("os.kill(os.getpid(), 9)", -9, "was killed by SIGKILL"),
    "segmentation fault": (
        "import ctypes, faulthandler; faulthandler.disable(); ctypes.string_at(0)",
        -11,
        "was killed by SIGSEGV",
    ),
    "ends in C": ("import ctypes; ctypes.CDLL(None)._exit(4)", 4, "ended with status 4"),
}


@pytest.mark.parametrize("name", UNEXPECTED)
def test_an_unexpected_end_loses_the_last_chunk_and_is_told(run, name):
    end, status, told = UNEXPECTED[name]
    outcome, report = run(f"both({MANY})\n{end}\n")

    assert outcome.status == status
    assert [one["variable"] for one in report["findings"]] == ["box.n"]
    assert report["counts"]["accesses"] > 3 * MANY
    (process,) = report["processes"]
    (line,) = lines(outcome)
    assert line.startswith(f"raceway: process {process['pid']} (")
    assert "app.py) " in line
    assert told in line
    assert line.endswith("its last ops may be missing")


def test_a_killed_worker_does_not_harm_the_report(run):
    program = """
both()
for end in ("os.kill(os.getpid(), 9)", "os._exit(0)"):
    if not os.fork():
        both()
        exec(end)
    os.wait()
both()
"""
    outcome, report = run(program)

    assert outcome.status == 0
    assert [one["ended"] for one in report["processes"]] == ["exit", "killed by SIGKILL", "exit"]
    assert {one["variable"] for one in report["findings"]} == {"box.n"}
    (line,) = lines(outcome)
    assert f"process {report['processes'][1]['pid']} (" in line


def test_before_anything_is_recorded(run):
    program = """
import os, sys
if not os.fork():
    import threading  # only the child has anything to record
    threading.Thread(target=print, args=("child",)).start()
    sys.exit(6)
print(os.waitstatus_to_exitcode(os.wait()[1]), "threading" in sys.modules, flush=True)
if not os.fork():
    os.execv(sys.executable, [sys.executable, "-c", "import threading; print('exec')"])
os.wait()
os.kill(os.getpid(), 9)
"""
    outcome, report = run(program, head="")

    assert (outcome.status, outcome.out) == (-9, "child\n6 False\nexec\n"), outcome.err
    # The first one, which has recorded nothing, its child, and the program that was executed.
    assert [one["ended"] for one in report["processes"]] == ["exit"] * 3
    assert lines(outcome) == []


def test_the_child_of_a_preexec_fn_is_no_process_of_the_run(run):
    program = """
subprocess.run(["true"], preexec_fn=both, check=True)
subprocess.run([sys.executable, "-c", "import threading"], preexec_fn=os.setsid, check=True)
"""
    outcome, report = run(program)

    assert outcome.status == 0
    assert [one["ended"] for one in report["processes"]] == ["exit", "exit"]
    assert report["processes"][1]["command"].endswith("-c import threading")


def test_threads_that_import_at_once(run):
    """Recording begins in one of them, while the other one is in the middle of importing raceway."""
    program = """
import _thread, sys, time
from importlib.machinery import PathFinder
from raceway_autopatch import activation

beginner = activation._process.activation._beginner

class Slow:
    def find_spec(self, name, path, target=None):
        if name == "raceway.model":  # the recorder is importing it
            spec = PathFinder.find_spec(name, path)
            execute = spec.loader.exec_module
            def exec_module(module):
                importing.release()
                while not beginner:
                    time.sleep(0.001)
                execute(module)
            spec.loader.exec_module = exec_module
            return spec

sys.meta_path.insert(0, Slow())
importing, imported = _thread.allocate_lock(), _thread.allocate_lock()
importing.acquire(); imported.acquire()

def use():
    import raceway
    raceway.watch({}, name="box")
    imported.release()

_thread.start_new_thread(use, ())
importing.acquire()
assert not beginner
import queue
print(imported.acquire(timeout=30))
"""
    outcome, report = run(program, head="")

    assert (outcome.status, outcome.out) == (0, "True\n"), outcome.err
    assert report["counts"]["internal_errors"] == 0
    assert [one["ended"] for one in report["processes"]] == ["exit"]


def test_forks_in_a_thread_while_others_record(run, bench):
    program = """
lock, stop = threading.Lock(), threading.Event()

def record():
    while not stop.wait(0.002):
        with lock:
            box.n += 1

def fork():
    for _ in range(200):
        pid = os.fork()
        if not pid:
            signal.alarm(20)  # a child that hangs is killed
            mine = raceway.watch(Box(), name="mine")
            mine.n = 1
            os._exit(0)
        ends.add(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

ends = set()
threads = [threading.Thread(target=record) for _ in range(4)]
for thread in threads:
    thread.start()
forker = threading.Thread(target=fork)
forker.start()
forker.join()
stop.set()
for thread in threads:
    thread.join()
print(ends)
"""
    outcome, report = run(program)

    assert (outcome.status, outcome.out) == (0, "{0}\n"), outcome.err
    assert report["findings"] == []
    parent, *children = report["processes"]
    assert len(children) == 200
    assert {one["ended"] for one in report["processes"]} == {"exit"}
    # None has anything of its parent: a birth, a watched object and one access.
    assert max(one["ops"] for one in children) < 30 < parent["ops"]
    assert lines(outcome) == []


def test_fail_on_lets_the_program_end_first(run, bench):
    bench.write(
        "fail.py",
        HEAD
        + """
import atexit, time
both()
def late():
    threading.main_thread().join()
    print("thread")
threading.Thread(target=late).start()
atexit.register(print, "atexit")
print("x" * 200_000)
""",
    )

    outcome = bench.launched("--fail-on", "warning", "fail.py")

    assert outcome.status == 66
    assert outcome.out == "x" * 200_000 + "\nthread\natexit\n"


@pytest.fixture(scope="module")
def other_interpreters(tmp_path_factory):
    """An environment of this interpreter and other interpreters, none of them with raceway."""
    found = []
    folder = tmp_path_factory.mktemp("bare") / "env"
    base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    subprocess.run([base, "-m", "venv", "--without-pip", str(folder)], check=True)
    found.append(str(folder / "bin" / "python"))
    for minor in range(8, 16):
        if minor != sys.version_info.minor:
            for path in os.environ.get("PATH", "").split(os.pathsep):
                name = os.path.join(path, f"python3.{minor}")
                if os.access(name, os.X_OK):
                    found.append(name)
                    break
    return found


def test_children_of_other_interpreters(run, bench, other_interpreters):
    del bench.env["PYTHONPATH"]  # with raceway on it they would have it
    program = """
import subprocess, sys
for python in sys.argv[1:]:
    subprocess.run([python, "-c", "import threading, json; print('raceway' in str(sys.path))"
                    .replace("threading", "threading, sys")], check=False)
"""
    bench.write("app.py", program)
    bench.write(
        "start.py",
        f"import sys; sys.path.append({os.path.dirname(os.path.dirname(os.path.dirname(__file__)))!r})\n"
        "from raceway_autopatch.launcher import main\nsys.exit(main())\n",
    )
    bare = bench.bare("app.py", *other_interpreters)
    ours = bench.run(
        sys.executable,
        "start.py",
        "--report",
        "r.json",
        sys.executable,
        "app.py",
        *other_interpreters,
    )

    assert ours.own == bare
    assert bare.out
