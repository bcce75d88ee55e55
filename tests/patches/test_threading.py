"""Threads, events, semaphores and barriers: what orders what."""

import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from recorded import ROOT, run, same


def orders(program):
    return run("import threading, _thread, time\n" + program)


# ---------------------------------------------------------------- threads


def test_start_and_join():
    result = orders("""
def work():
    mark("in")
mark("before")
thread = threading.Thread(target=work, name="child")
thread.start()
mark("meanwhile")
thread.join()
mark("after")
""")
    assert result.before("before", "in")
    assert result.before("in", "after")
    assert result.concurrent("in", "meanwhile")
    assert ["FORK child", "JOIN child"] == result.of("MainThread", "FORK", "JOIN")
    assert ["END child"] == result.of("child", "END")
    assert ["actor", 2, "child", "thread", 2] in result.definitions


def test_names():
    result = orders("""
def worker(): pass
class Mine(threading.Thread): pass
for thread in (threading.Thread(target=worker), Mine(), threading.Timer(0, worker)):
    thread.start(); thread.join()
""")
    names = [d[2] for d in result.definitions if d[0] == "actor"][1:]
    assert ["Thread-1 (worker)", "Thread-2", "Thread-3"] == names


def test_idents_are_reused_and_actors_are_not():
    result = orders("""
idents = set()
for n in range(50):
    thread = threading.Thread(target=lambda: idents.add(threading.get_ident()))
    thread.start(); thread.join()
""")
    assert 51 == len([d for d in result.definitions if d[0] == "actor"])


@pytest.mark.parametrize(
    "subclass",
    [
        "def run(self): mark('in')",
        "def start(self): self._target = lambda: mark('in'); super().start()",
        "def join(self, *a, **k): return super().join(*a, **k)\n    def run(self): mark('in')",
        "def is_alive(self): raise SystemError\n    def run(self): mark('in')",
        "def run(self): mark('in'); raise SystemExit",
    ],
)
def test_subclasses(subclass):
    result = orders(f"""
class Mine(threading.Thread):
    {subclass}
thread = Mine(name="child")
mark("before")
thread.start()
thread.join()
mark("after")
""")
    assert result.before("before", "in")
    assert result.before("in", "after")
    assert ["END child"] == result.of("child", "END")


def test_run_that_raises():
    result = orders("""
threading.excepthook = lambda args: print(args.exc_type.__name__, args.exc_traceback.tb_frame.f_code.co_name)
def fail():
    mark("in")
    raise ValueError
thread = threading.Thread(target=fail, name="child")
thread.run_ = thread.run
thread.start(); thread.join()
mark("after")
""")
    assert "ValueError _bootstrap_inner\n" == result.out
    assert result.before("in", "after")
    assert ["END child"] == result.of("child", "END")


def test_a_join_that_times_out_is_none():
    result = orders("""
go = threading.Lock(); go.acquire()
thread = threading.Thread(target=go.acquire, name="child")
thread.start()
thread.join(0.001)
assert thread.is_alive()
mark("early")
go.release()
thread.join()
mark("late")
""")
    assert ["FORK child", "JOIN child"] == result.of("MainThread", "FORK", "JOIN")


def test_is_alive_joins_once():
    result = orders("""
thread = threading.Thread(target=lambda: mark("in"), name="child")
assert not thread.is_alive()
thread.start()
while thread.is_alive():
    time.sleep(0.001)
mark("after")
for _ in range(5):
    assert not thread.is_alive()
""")
    assert ["FORK child", "JOIN child"] == result.of("MainThread", "FORK", "JOIN")
    assert result.before("in", "after")


def test_errors_record_nothing():
    result = orders("""
thread = threading.Thread(target=int, name="child")
class NoInit(threading.Thread):
    def __init__(self): pass
probe(thread.join, lambda: threading.current_thread().join(), NoInit().start, NoInit().join)
thread.start(); thread.join()
probe(thread.start, thread.join)
""")
    same("""
        import threading
        thread = threading.Thread(target=int, name="child")
        class NoInit(threading.Thread):
            def __init__(self): pass
        probe(thread.join, lambda: threading.current_thread().join(), NoInit().start, NoInit().join,
              NoInit().is_alive, lambda: threading.Thread(1), lambda: thread.join("x"), thread.is_alive)
        thread.start(); thread.join()
        probe(thread.start, thread.join, lambda: thread.join(-1), thread.is_alive,
              lambda: str(thread)[:23], lambda: len(threading.enumerate()))
    """)
    assert ["FORK child", "JOIN child"] == result.of("MainThread", "FORK", "JOIN")


def test_timers():
    result = orders("""
done = threading.Event()
def fire():
    mark("in")
mark("before")
timer = threading.Timer(0.001, fire)
timer.start(); timer.join()
mark("after")
other = threading.Timer(1000, fire)
other.start(); other.cancel(); other.join()
""")
    assert result.before("before", "in")
    assert result.before("in", "after")


def test_foreign_threads_are_actors_and_no_dummies():
    result = orders("""
locks = []
for n in range(3):
    lock = _thread.allocate_lock(); lock.acquire()
    def work(n=n, lock=lock):
        mark(f"in{n}")
        lock.release()
    _thread.start_new_thread(work, ())
    lock.acquire()
print(len(threading.enumerate()))
""")
    assert "1\n" == result.out
    assert 4 == len([d for d in result.definitions if d[0] == "actor"])
    assert result.concurrent("in0", "in1")


def test_nothing_keeps_a_thread_or_what_it_was_given_alive():
    result = orders("""
import weakref, gc
gc.disable()
class Thing:
    def __call__(self, other): pass
target, argument = Thing(), Thing()
thread = threading.Thread(target=target, args=(argument,))
refs = [weakref.ref(x) for x in (thread, target, argument)]
thread.start(); thread.join()
del target, argument
print([r() is None for r in refs[1:]])
del thread
print(refs[0]() is None)
""")
    assert "[True, True]\nTrue\n" == result.out


def test_what_the_interpreter_waits_for_at_its_end():
    """Non-daemon threads happen before atexit functions."""
    result = orders("""
def work():
    mark("in")
threading.Thread(target=work).start()
threading._shutdown()
mark("after")
""")
    assert result.before("in", "after")


def test_daemons_and_finalisers_at_exit():
    """Not through run(): daemon threads that record while a program is judged take their time."""
    program = """
import sys
sys.path.insert(0, ROOT)
from raceway.record import recorder
from raceway_autopatch.registry import Registry
class Sink:
    def write(self, chunk, definitions): pass
    def after_fork(self): pass
recorder.start(Sink())
Registry(("threading",)).install()
import threading
class Late:
    def __init__(self): self.lock = threading.RLock()
    def __del__(self):
        with self.lock: self.lock.acquire()
sys.keep = keep = Late()
other = Late()
lock = threading.Lock()
def forever():
    while True:
        with lock: pass
for _ in range(3):
    threading.Thread(target=forever, daemon=True).start()
"""
    for _ in range(5):
        child = subprocess.run(
            [sys.executable, "-c", program.replace("ROOT", repr(ROOT))],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (0, "", "") == (child.returncode, child.stdout, child.stderr)


# ---------------------------------------------------------------- events


def test_event():
    result = orders("""
event, back = threading.Event(), threading.Event()
def work():
    event.wait()
    mark("woken")
    back.set()
thread = threading.Thread(target=work)
thread.start()
mark("told")
event.set()
mark("later")
while not back.is_set():
    time.sleep(0.001)
mark("seen")
""")
    assert result.before("told", "woken")
    assert not result.before("later", "woken")
    assert result.before("woken", "seen")


def test_an_event_that_was_not_set_orders_nothing():
    result = orders("""
event = threading.Event()
event.is_set(); event.wait(0.001); event.clear(); event.wait(0)
event.set(); event.clear(); event.is_set()
""")
    assert ["SEND a"] == result.of("MainThread")


def test_polling_a_set_event_is_recorded_once():
    result = orders("""
event = threading.Event()
event.set()
for _ in range(100):
    event.is_set()
event.set()
event.wait()
""")
    assert ["SEND a", "RECEIVE a", "SEND a", "RECEIVE a"] == result.of("MainThread")


def test_event_and_semaphores_as_bare():
    same("""
        import threading, inspect
        e = threading.Event()
        probe(lambda: e.wait(0), lambda: e.wait(timeout=0.001), e.is_set, e.set, e.wait, e.is_set,
              lambda: e.wait("x"), e.clear, e.is_set, lambda: e.wait("x"), lambda: e,
              lambda: threading.Event(1) and 0)
        for make in (threading.Semaphore, threading.BoundedSemaphore):
            for value in (0, 1, 2):
                s = make(value)
                probe(lambda: s.acquire(False), lambda: s.acquire(timeout=0.001),
                      lambda: s.acquire(False, 1), lambda: s.release(0), lambda: s.release(n=-1),
                      lambda: s.release("x"), lambda: s._value, s.release, s.release,
                      lambda: s.release(2), lambda: s._value, lambda: s.acquire(False), lambda: s.acquire(timeout=0.001),
                      lambda: s.__exit__(None, None, None), lambda: s._value,
                      lambda: type(s).__name__, lambda: inspect.signature(s.acquire),
                      lambda: inspect.signature(s.release))
            probe(lambda: make(-1), lambda: make("x"), lambda: make(value=3)._value)
        class Mine(threading.BoundedSemaphore):
            def __init__(self):
                super().__init__(2)
            def release(self):
                print("mine")
                super().release()
        m = Mine()
        with m: print(m._value)
        print(m._value)
    """)


# ---------------------------------------------------------------- semaphores


@pytest.mark.parametrize("make", ["Semaphore()", "Semaphore(1)", "BoundedSemaphore(value=1)"])
def test_one_permit_is_a_mutex(make):
    result = orders(f"""
def main():
    s = threading.{make}
    with s: pass
    s.acquire(); s.release()
    s.acquire(timeout=1); s.acquire(False); s.release()
main()
""")
    expected = "ACQUIRE RELEASE ACQUIRE RELEASE TRY_ACQUIRE RELEASE".split()
    assert expected == [op for _, op, *_ in result.ops]
    assert {"main"} == {function for *_, function in result.ops}
    assert ["Semaphore"] == [d[2] for d in result.definitions if d[0] == "lock"]


def test_a_failed_release_is_none():
    result = orders("""
for n in (1, 2):
    s = threading.BoundedSemaphore(n)
    try: s.release()
    except ValueError: print("too many")
""")
    assert "too many\n" * 2 == result.out
    assert [] == result.ops


def test_a_semaphore_as_signal():
    result = orders("""
s = threading.Semaphore(0)
def work():
    mark("told")
    s.release()
    mark("later")
thread = threading.Thread(target=work)
thread.start()
s.acquire()
mark("woken")
""")
    assert result.before("told", "woken")
    assert not result.before("later", "woken")


def test_two_permits_let_two_in():
    """A limiter for two does not order the first two, nor does it exclude them."""
    result = orders("""
s = threading.Semaphore(2)
def work(n):
    with s:
        mark(f"in{n}")
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for thread in threads:
    thread.start()
    threading.Thread.join.__wrapped__(thread)  # the real one: it records nothing
""")
    assert result.concurrent("in0", "in1")
    assert result.before("in0", "in2")
    assert result.concurrent("in1", "in2")


def test_overlapping_operations_order_too_much_rather_than_too_little():
    """Four producers and four consumers: each item is seen by who was let in for it."""
    result = orders("""
s = threading.Semaphore(0)
items = []
def produce(n):
    for k in range(50):
        name = f"{n}.{k}"
        mark(name)
        items.append(name)
        s.release()
def consume():
    for k in range(50):
        s.acquire()
threads = [threading.Thread(target=produce, args=(n,)) for n in range(4)]
threads += [threading.Thread(target=consume) for n in range(4)]
for t in threads: t.start()
for t in threads: threading.Thread.join.__wrapped__(t)
s.release(); s.acquire()
mark("end")
""")
    received = [op for op in result.ops if op[1] == "RECEIVE"]
    assert len(received) == 201


# ---------------------------------------------------------------- barriers


def test_barrier_rounds():
    result = orders("""
b = threading.Barrier(2, action=lambda: mark("action"))
turn = _thread.allocate_lock(); turn.acquire()
def work():
    mark("t1")
    b.wait()
    mark("t2")
    b.wait()
    mark("t3")
thread = threading.Thread(target=work)
thread.start()
mark("m1")
b.wait()
mark("m2")
b.wait()
mark("m3")
thread.join()
""")
    for one, other in ("t1", "m2"), ("m1", "t2"), ("t2", "m3"), ("m2", "t3"):
        assert result.before(one, other)
    for one in "123":
        assert result.concurrent(f"t{one}", f"m{one}")
    assert result.before("m2", "action")
    assert result.before("action", "t3")


def test_the_second_round_does_not_order_the_first():
    """Whoever leaves round 1 late has seen nothing of who was early for round 2."""
    result = orders("""
class Slow(threading.Barrier):
    def _exit(self):
        super()._exit()
b = threading.Barrier(2)
inside, go = _thread.allocate_lock(), _thread.allocate_lock()
inside.acquire(); go.acquire()
wait = b._cond.wait
late = []
def slow_wait(timeout=None):
    result = wait(timeout)
    return result
def late_one():
    b.wait()
    go.acquire()
    mark("late")
def early_one():
    b.wait()
    mark("early")
    go.release()
    try: b.wait(0.01)
    except threading.BrokenBarrierError: pass
one, two = threading.Thread(target=late_one), threading.Thread(target=early_one)
one.start(); two.start(); one.join(); two.join()
""")
    assert result.concurrent("late", "early")


def test_a_broken_barrier_orders_after_who_broke_it():
    result = orders("""
b = threading.Barrier(2)
def work():
    mark("in")
    try: b.wait()
    except threading.BrokenBarrierError: print("broken")
    mark("out")
thread = threading.Thread(target=work)
thread.start()
while not b.n_waiting: time.sleep(0.001)
mark("abort")
b.abort()
threading.Thread.join.__wrapped__(thread)
mark("end")
b.reset()
other = threading.Thread(target=b.wait)
other.start(); b.wait()
mark("after")
""")
    assert "broken\n" == result.out
    assert result.concurrent("in", "end")
    assert result.before("abort", "out")
    assert result.concurrent("in", "after")


def test_barrier_as_bare():
    same("""
        import threading
        b = threading.Barrier(1, action=lambda: print("action"))
        probe(b.wait, lambda: b.wait(1), lambda: b.parties, lambda: b.n_waiting, lambda: b.broken)
        c = threading.Barrier(2, timeout=0.001)
        probe(c.wait, c.wait, lambda: c.broken, c.reset, lambda: c.broken, lambda: c.wait(0.001),
              c.abort, c.wait)
        d = threading.Barrier(1, action=lambda: 1 / 0)
        probe(d.wait, d.wait, d.reset, d.wait)
    """)


def test_undo_leaves_nothing():
    result = run("""
        import sys, threading, queue, concurrent.futures
        import concurrent.futures.thread
        print(any("raceway" in repr(getattr(value, "__module__", "")) or hasattr(value, "__wrapped__")
                  for cls in (threading.Thread, threading.Event, queue.Queue)
                  for value in vars(cls).values()))
        import gc
        from raceway_autopatch.registry import Registry
        for registry in [o for o in gc.get_objects() if type(o) is Registry]:
            lock = threading.Lock()
            registry.uninstall()
        print(type(threading.Lock()), type(threading.RLock()))
        print(any(hasattr(value, "__wrapped__")
                  for cls in (threading.Thread, threading.Event, queue.Queue,
                              concurrent.futures.Future, concurrent.futures.ThreadPoolExecutor)
                  for name, value in vars(cls).items() if name != "__class_getitem__"))
        with lock: pass
        thread = threading.Thread(target=int); thread.start(); thread.join()
    """)
    out = result.out.splitlines()
    assert ["True", "<class '_thread.lock'> <class '_thread.RLock'>", "False"] == out
