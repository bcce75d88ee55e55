"""_thread: what a program starts and locks without threading; nobody else notices anything."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from recorded import ROOT, run, same


def test_a_raw_lock_is_a_lock():
    result = run("""
import _thread
lock = _thread.allocate_lock()
with lock: pass
lock.acquire(); lock.release()
from _thread import allocate_lock
with allocate_lock(): pass
""")
    names = [op.split()[1] for op in result.lock_ops()]
    assert ["ACQUIRE", "RELEASE"] * 3 == names


def test_a_raw_thread_is_forked():
    result = run("""
import _thread
done = _thread.allocate_lock()
def work():
    mark("worked")
    done.release()
mark("before")
done.acquire()
_thread.start_new_thread(work, ())
mark("after")
done.acquire()
""")
    assert result.before("before", "worked")
    assert result.concurrent("after", "worked")


def test_locks_and_threads_of_the_library_are_silent():
    result = run("""
import threading, json, tempfile, decimal
tempfile.gettempdir()
thread = threading.Thread(target=int)
thread.start()
thread.join()
""")
    assert [] == result.lock_ops()
    assert ["MainThread", "Thread-1 (int)"] == [d[2] for d in result.definitions if d[0] == "actor"]


def test_as_bare():
    same("""
        import _thread, threading
        lock = _thread.allocate_lock()
        probe(lambda: lock, lambda: isinstance(lock, _thread.LockType),
              lambda: isinstance(threading.Lock(), _thread.LockType),
              lambda: _thread.allocate_lock, lambda: _thread.allocate_lock.__name__,
              lambda: _thread.allocate_lock.__doc__, lambda: _thread.allocate_lock(1),
              lambda: _thread.start_new_thread.__name__, lambda: _thread.start_new_thread(),
              lambda: _thread.start_new_thread(1, ()), lambda: _thread.start_new_thread(int, 1),
              lambda: _thread.start_new_thread(int, (), 1), lambda: threading._allocate_lock)
        import re, sys
        done = _thread.allocate_lock(); done.acquire()
        def hook(unraisable):
            text = f"{unraisable.err_msg} {unraisable.object} {unraisable.exc_value}"
            print(re.sub("0x[0-9a-f]+", "0x", text), unraisable.object in (fail, None))
            print(sys.exc_info(), unraisable.exc_traceback is unraisable.exc_value.__traceback__)
            done.release()
        sys.unraisablehook = hook
        def fail(a, b): raise ValueError(a, b)
        _thread.start_new_thread(fail, (1,), {"b": 2})
        done.acquire()
    """)


def test_everything_is_taken_back():
    program = """
import _thread
before = _thread.allocate_lock, _thread.start_new_thread
import raceway_autopatch
raceway_autopatch.install()
assert before[0] is not _thread.allocate_lock
import threading
raceway_autopatch.uninstall()
assert before == (_thread.allocate_lock, _thread.start_new_thread)
assert type(threading.Lock()) is type(before[0]()), threading.Lock
assert threading._start_new_thread is before[1]
"""
    if sys.version_info >= (3, 13):
        program = program.replace("_start_new_thread is before[1]", "Lock is _thread.LockType")
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    ended = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = [{ROOT!r}]\n{program}"],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "") == (ended.returncode, ended.stdout), ended.stderr
