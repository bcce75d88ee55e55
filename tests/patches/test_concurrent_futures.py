"""Executors and futures: jobs are actors, and outcomes are messages."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from recorded import run, same

PRELUDE = """
import threading, _thread
import concurrent.futures as cf
from concurrent.futures import ThreadPoolExecutor, Future
def job(name):
    mark(name)
    return name
def spawn(function, *args):
    # Started and ended without a record.
    thread = threading.Thread(target=function, args=args)
    thread.start()
    threading.Thread.join.__wrapped__(thread)
"""


def orders(program):
    return run(PRELUDE + program)


def test_submit_and_result():
    result = orders("""
def main():
    with ThreadPoolExecutor(2) as pool:
        mark("before")
        future = pool.submit(job, "in")
        mark("meanwhile")
        print(future.result())
        mark("after")
main()
""")
    assert "in\n" == result.out
    assert result.before("before", "in")
    assert result.before("in", "after")
    assert result.concurrent("meanwhile", "in")
    actors = [(d[2], d[3]) for d in result.definitions if d[0] == "actor"]
    assert ("ThreadPoolExecutor-0 job job", "job") in actors
    assert ("ThreadPoolExecutor-0_0", "thread") in actors
    assert {"main"} == {function for _, op, _, function in result.ops if op == "FORK"}
    assert result.of("ThreadPoolExecutor-0 job job", "END")


def test_jobs_that_one_worker_ran_by_chance_are_concurrent():
    result = orders("""
pool = ThreadPoolExecutor(2)
threads = set()
def work(name):
    threads.add(_thread.get_ident())
    mark(name)
def wait_unseen(future):
    while future._state != "FINISHED": pass
import time
for name in "abcd":
    future = pool.submit(work, name)
    wait_unseen(future)
    time.sleep(0.002)
print(len(threads))
pool.shutdown()
mark("end")
""")
    for one in "abcd":
        for other in "abcd":
            assert one == other or result.concurrent(one, other)
        assert result.before(one, "end")


def test_a_single_worker_orders_its_jobs():
    result = orders("""
pool = ThreadPoolExecutor(1)
futures = [pool.submit(job, name) for name in "abc"]
mark("main")
pool.shutdown()
""")
    assert result.before("a", "b")
    assert result.before("b", "c")
    assert result.concurrent("main", "a")


def test_the_initializer_happens_before_the_jobs():
    result = orders("""
pool = ThreadPoolExecutor(2, initializer=mark, initargs=("init",))
pool.submit(job, "a").result()
pool.shutdown()
""")
    assert result.before("init", "a")
    assert result.marks["init"][0] != result.marks["a"][0]


def test_map_and_names():
    result = orders("""
import functools
with ThreadPoolExecutor(2, "pool") as pool:
    print(list(pool.map(job, "ab")))
    mark("after")
    pool.submit(functools.partial(job, "c"))
    pool.submit(abs, 1)
    class Call:
        def __call__(self): pass
    pool.submit(Call())
""")
    assert result.before("a", "after")
    assert result.before("b", "after")
    names = [d[2] for d in result.definitions if d[0] == "actor" and d[3] == "job"]
    assert ["pool job job"] * 3 + ["pool job abs", "pool job Call"] == names


def test_a_job_that_raises():
    result = orders("""
def fail():
    mark("in")
    raise ValueError("x")
pool = ThreadPoolExecutor(2)
future = pool.submit(fail)
probe(future.result, future.exception)
mark("after")
pool.submit(job, "next").result()
""")
    assert "ValueError: x\nValueError('x')\n" == result.out
    assert result.before("in", "after")
    assert result.of("ThreadPoolExecutor-0 job fail", "END")


@pytest.mark.parametrize(
    "see",
    [
        "future.result()",
        "future.exception()",
        "future.done() or 1 / 0",
        "cf.wait([future])",
        "cf.wait([future], return_when='FIRST_COMPLETED')",
        "list(cf.as_completed([future]))",
        "next(cf.as_completed([future]))",
    ],
)
@pytest.mark.parametrize("finish", ["set_result(1)", "set_exception(None)"])
def test_every_way_to_see_an_outcome(see, finish):
    result = orders(f"""
future = Future()
def work():
    mark("before")
    future.{finish}
    mark("later")
spawn(work)
{see}
mark("seen")
""")
    assert result.before("before", "seen")
    assert not result.before("later", "seen")


def test_a_callback_that_is_called_at_once_orders_itself_only():
    result = orders("""
future = Future()
def work():
    mark("before")
    future.set_result(1)
spawn(work)
mark("added")
future.add_done_callback(lambda f: mark("called"))
mark("after")
""")
    assert result.before("before", "called")
    assert result.before("added", "called")
    # Had the future been done a little later, the callback would have run in the worker.
    assert not result.before("before", "after")
    assert not result.before("called", "after")


def test_a_callback_on_a_known_outcome_is_an_ordinary_call():
    result = orders("""
future = Future()
def work():
    mark("before")
    future.set_result(1)
spawn(work)
future.result()
future.add_done_callback(lambda f: mark("called"))
mark("after")
""")
    assert result.before("before", "called")
    assert result.before("called", "after")


@pytest.mark.parametrize(
    "see", ["future.result(10)", "cf.wait([future])", "list(cf.as_completed([future]))"]
)
def test_waiting_for_an_outcome(see):
    result = orders(f"""
future = Future()
waiting = threading.Event()
def work():
    while not (future._waiters or future._condition._waiters): pass
    mark("before")
    future.set_result(1)
thread = threading.Thread(target=work)
thread.start()
{see}
mark("seen")
thread.join()
""")
    assert result.before("before", "seen")


def test_what_is_not_done_orders_nothing():
    result = orders("""
future = Future()
try: future.result(0.001)
except cf.TimeoutError: print("timeout")
future.done(); cf.wait([future], 0.001)
future.set_running_or_notify_cancel()
print(future.cancel())
future.set_result(1)
try: future.set_result(2)
except cf.InvalidStateError: print("invalid")
""")
    assert "timeout\nFalse\ninvalid\n" == result.out
    assert ["SEND a"] == result.of("MainThread")


def test_cancelling_is_seen():
    result = orders("""
future = Future()
def work():
    mark("before")
    future.cancel()
spawn(work)
try: future.result()
except cf.CancelledError: mark("seen")
""")
    assert result.before("before", "seen")


def test_who_adds_a_callback_happens_before_it():
    result = orders("""
future = Future()
def add():
    mark("added")
    future.add_done_callback(lambda f: mark("called"))
spawn(add)
mark("set")
future.set_result(1)
""")
    assert result.before("added", "called")
    assert result.before("set", "called")


def test_shutdown_waits_for_all_and_without_wait_for_none():
    result = orders("""
pool, other = ThreadPoolExecutor(4), ThreadPoolExecutor(4)
done = [pool.submit(job, name) for name in "abcd"] + [other.submit(job, "x")]
other.shutdown(wait=False)
mark("x done")
pool.shutdown()
mark("done")
""")
    for name in "abcd":
        assert result.before(name, "done")
    assert result.concurrent("x", "x done")


def test_the_interpreter_waits_for_the_jobs_at_its_end():
    result = orders("""
pool = ThreadPoolExecutor(2)
pool.submit(job, "a")
from concurrent.futures import thread
thread._python_exit()
mark("end")
""")
    assert result.before("a", "end")


def test_reference_cycles():
    """A future that failed dies at once, as it does without us."""
    same("""
        import gc, weakref
        from concurrent.futures import Future, ThreadPoolExecutor, as_completed
        gc.disable()
        class Error(Exception): pass
        def ask(future):
            try:
                future.result()
            except Error:
                pass
            finally:
                del future
        future = Future()
        future.set_exception(Error())
        ask(future)
        refs = weakref.ref(future), weakref.ref(future.exception())
        del future
        print([ref() for ref in refs])
        class Thing:
            def __call__(self, other): return None
        with ThreadPoolExecutor(1) as pool:
            thing, argument = Thing(), Thing()
            future = pool.submit(thing, argument)
            refs = [weakref.ref(x) for x in (future, thing, argument)]
            future.result()
            del future, thing, argument
        print([ref() for ref in refs])
        futures = [Future() for _ in range(3)]
        for future in futures: future.set_result(1)
        refs = [weakref.ref(f) for f in futures]
        done = as_completed(futures)
        future = next(done)
        futures.clear()
        del future
        for future in done:
            del future
            print(sum(ref() is not None for ref in refs))
    """)


def test_as_bare():
    same("""
        import concurrent.futures as cf, inspect, pickle
        from concurrent.futures import ThreadPoolExecutor, Future
        pool = ThreadPoolExecutor(2)
        probe(lambda: pool.submit(), lambda: pool.submit(pow, 2, 3).result(),
              lambda: pool.submit(int, "x").result(), lambda: pool.submit(dict, self=1, fn=2).result(),
              lambda: list(pool.map(pow, [1, 2], [3, 4])), lambda: list(pool.map(int, ["1", "x"])),
              lambda: inspect.signature(pool.submit), lambda: inspect.signature(pool.shutdown),
              lambda: pool.shutdown(), lambda: pool.submit(int), lambda: pool.shutdown(wait=False),
              lambda: pool.shutdown(True, cancel_futures=True), lambda: ThreadPoolExecutor(0))
        f = Future()
        probe(lambda: f, f.running, f.done, f.cancelled, lambda: f.result(0), lambda: f.exception(0.001),
              lambda: f.set_result(3), f.result, f.exception, f.cancel, f.done, f.running,
              lambda: f.set_result(4), lambda: f.set_exception(None), lambda: f,
              lambda: f.add_done_callback(lambda f: print("called")), lambda: pickle.dumps(f))
        g = Future()
        g.add_done_callback(lambda f: print("called", f.cancelled()))
        probe(g.cancel, g.cancel, g.result, g.exception, g.cancelled, g.set_running_or_notify_cancel,
              lambda: g.set_result(1), lambda: cf.wait([f, g]).not_done,
              lambda: len(list(cf.as_completed([f, f, g]))), lambda: list(cf.as_completed([Future()], 0)),
              lambda: cf.wait([Future()], timeout=0).done, lambda: cf.wait([f], return_when="x"),
              lambda: cf.wait([Future()], return_when="x"), lambda: inspect.signature(cf.wait))
        def bad(*args): raise ValueError("init")
        import logging; logging.disable(logging.CRITICAL)
        broken = ThreadPoolExecutor(1, initializer=bad)
        probe(lambda: broken.submit(int).result(), lambda: broken.submit(int))
    """)


def test_processes_work_as_before():
    """Through a file: the children have to find their functions."""
    result = run("""
        from concurrent.futures import ProcessPoolExecutor
        import multiprocessing
        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                print(pool.submit(pow, 2, 5).result(), list(pool.map(abs, [-1, 2])))
    """)
    assert "32 [1, 2]\n" == result.out
