"""Queues: each get is ordered after the put of its item, and after nothing else."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from recorded import run, same

KINDS = ("Queue", "LifoQueue", "PriorityQueue", "SimpleQueue")

PRELUDE = """
import threading, queue
def spawn(function, *args):
    # Started and ended without a record: only the queue orders.
    thread = threading.Thread(target=function, args=args)
    thread.start()
    threading.Thread.join.__wrapped__(thread)
"""


def orders(program):
    return run(PRELUDE + program)


@pytest.mark.parametrize("kind", KINDS)
def test_put_happens_before_the_get_of_that_item(kind):
    result = orders(f"""
q = queue.{kind}()
def put(n):
    mark(f"put{{n}}")
    q.put(n)
for n in (3, 1, 2):
    spawn(put, n)
def get():
    n = q.get()
    mark(f"got{{n}}")
for _ in range(3):
    spawn(get)
""")
    for n in (1, 2, 3):
        assert result.before(f"put{n}", f"got{n}")
        for other in {1, 2, 3} - {n}:
            assert result.concurrent(f"put{other}", f"got{n}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_get_that_waits(kind):
    result = orders(f"""
q = queue.{kind}()
def get():
    q.get()
    mark("got")
thread = threading.Thread(target=get)
thread.start()
mark("before")
q.put(1)
mark("after")
thread.join()
""")
    assert result.before("before", "got")
    assert not result.before("after", "got")


@pytest.mark.parametrize("kind", ["Queue", "SimpleQueue"])
def test_the_same_object_from_two_producers(kind):
    result = orders(f"""
q = queue.{kind}()
def put(n):
    mark(f"put{{n}}")
    q.put(None)
spawn(put, 1); spawn(put, 2)
def get(n):
    assert q.get() is None
    mark(f"got{{n}}")
spawn(get, 1); spawn(get, 2)
""")
    assert result.before("put1", "got1")
    assert result.before("put2", "got2")
    assert result.concurrent("put2", "got1")
    assert result.concurrent("put1", "got2")


def test_what_failed_was_not_put():
    result = orders("""
q = queue.Queue(1)
one = object()
q.put(one)
def fail():
    mark("failed")
    for call in (lambda: q.put(one, False), lambda: q.put_nowait(one), lambda: q.put(one, timeout=0.001)):
        try: call()
        except queue.Full: print("full")
spawn(fail)
q.get()
def put():
    mark("put")
    q.put(one)
spawn(put)
q.get()
mark("got")
try: q.get(False)
except queue.Empty: print("empty")
""")
    assert "full\n" * 3 + "empty\n" == result.out
    assert result.before("put", "got")
    assert result.concurrent("failed", "got")


def test_subclasses_with_their_own_order():
    result = orders("""
class Newest(queue.Queue):
    def _init(self, maxsize): self.things = {}
    def _qsize(self): return len(self.things)
    def _put(self, item): self.things[id(item)] = item
    def _get(self): return self.things.popitem()[1]
q = Newest()
def put(item):
    mark("put" + item)
    q.put(item)
spawn(put, "a"); spawn(put, "b")
mark("got" + q.get())
""")
    assert result.before("putb", "gotb")
    assert result.concurrent("puta", "gotb")


def test_a_queue_that_gives_out_other_objects_orders_everything():
    result = orders("""
class Copies(queue.Queue):
    def _get(self): return list(super()._get())
q = Copies()
def put(n):
    mark(f"put{n}")
    q.put([n])
spawn(put, 1); spawn(put, 2)
q.get(); mark("got1")
spawn(put, 3)
q.get(); q.get(); mark("got3")
""")
    assert result.before("put1", "got1")
    assert result.before("put2", "got1")
    assert result.before("put3", "got3")


def test_a_lifo_queue_gives_out_the_newest_of_equal_items():
    result = orders("""
q = queue.LifoQueue()
def put(n):
    mark(f"put{n}")
    q.put(None)
spawn(put, 1); spawn(put, 2)
q.get(); mark("got2")
""")
    assert result.before("put2", "got2")
    assert result.concurrent("put1", "got2")


def test_a_get_happens_before_the_put_that_needs_its_room():
    result = orders("""
q = queue.Queue(2)
def get(n):
    mark(f"get{n}")
    q.get()
def put(n):
    q.put(n)
    mark(f"put{n}")
spawn(put, 1); spawn(put, 2); spawn(get, 1); spawn(get, 2); spawn(put, 3); spawn(put, 4)
""")
    assert result.before("get1", "put3")
    assert result.before("get2", "put4")
    assert result.concurrent("get2", "put3")
    assert result.concurrent("get1", "put4")


def test_a_get_that_failed_made_no_room():
    result = orders("""
q = queue.Queue(1)
def get(n):
    mark(f"get{n}")
    try: q.get_nowait()
    except queue.Empty: print("empty")
def put(n):
    q.put(n)
    mark(f"put{n}")
spawn(get, 0); spawn(put, 1); spawn(get, 1); spawn(put, 2)
""")
    assert "empty\n" == result.out
    assert result.before("get1", "put2")
    assert result.concurrent("get0", "put2")


@pytest.mark.parametrize("take", ["clear()", "popleft()", "remove(None)"])
def test_items_taken_out_by_hand_stand_for_no_later_put(take):
    result = orders(f"""
q = queue.Queue()
def put(n):
    mark(f"put{{n}}")
    q.put(None)
spawn(put, 1)
with q.mutex: q.queue.{take}
spawn(put, 2); spawn(put, 3)
q.get(); mark("got2")
""")
    assert result.before("put2", "got2")
    assert result.concurrent("put1", "got2")
    assert result.concurrent("put3", "got2")


def test_what_is_left_of_equal_items_is_unknown():
    result = orders("""
q = queue.Queue()
def put(n):
    mark(f"put{n}")
    q.put(None)
spawn(put, 1); spawn(put, 2)
with q.mutex: q.queue.pop()
q.get(); mark("got")
""")
    assert result.before("put1", "got")


def test_task_done_happens_before_join():
    result = orders("""
q = queue.Queue()
q.put(1)
def work():
    q.get()
    mark("worked")
    q.task_done()
    mark("later")
spawn(work)
q.join()
mark("joined")
try: q.task_done()
except ValueError as error: print(error)
""")
    assert result.before("worked", "joined")
    assert result.concurrent("later", "joined")
    assert "task_done() called too many times\n" == result.out


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Queue.shutdown is new in 3.13")
def test_shutdown_happens_before_who_is_told():
    result = orders("""
q = queue.Queue()
def stop():
    mark("stop")
    q.shutdown()
spawn(stop)
try: q.get()
except queue.ShutDown: mark("told")
""")
    assert result.before("stop", "told")


def test_nothing_is_left_behind():
    result = orders("""
q = queue.Queue()
for n in range(1000):
    q.put([n]); q.get()
items = q._raceway
print(len(items.pending), sum(map(len, items.more.values())), len(items.inflight), items.common)
import weakref, gc
class Thing: pass
gc.disable()
thing = Thing()
ref = weakref.ref(thing)
q.put(thing); del thing
q.get()
print(ref())
""")
    assert "0 0 0 0\nNone\n" == result.out


@pytest.mark.parametrize("kind", KINDS)
def test_threads_that_cross(kind):
    """Nothing is lost and nothing falls back when many threads put the same few objects."""
    result = orders(f"""
import sys
sys.setswitchinterval(1e-6)
q = queue.{kind}()
def put():
    for n in range(300): q.put(n % 3)
def get():
    for n in range(300): q.get()
threads = [threading.Thread(target=f) for f in (put, get) * 3]
for t in threads: t.start()
for t in threads: t.join()
print(q.qsize())
q.put("x"); print(q.get())
""")
    assert "0\nx\n" == result.out


def test_as_bare():
    same("""
        import queue, _queue, pickle, inspect, types, copy
        for make in (queue.Queue, queue.LifoQueue, queue.PriorityQueue):
            q = make(2)
            probe(lambda: q.put(1), lambda: q.put(2, False), lambda: q.put(3, False),
                  lambda: q.put(3, timeout=0.001), lambda: q.put(3, True, -1), lambda: q.put_nowait(3),
                  q.qsize, q.full, q.empty, q.get, lambda: q.get(False), lambda: q.get(False),
                  lambda: q.get(timeout=0.001), lambda: q.get(True, -1), q.get_nowait, q.task_done,
                  q.task_done, q.task_done, q.join, lambda: q.put(), lambda: q.put(item=1, block=False),
                  lambda: q.queue, lambda: q.maxsize, lambda: inspect.signature(q.put),
                  lambda: inspect.signature(make), lambda: make[int], lambda: pickle.dumps(q))
        p = queue.PriorityQueue()
        p.put((1, {})); p.put((1, 2)) if False else None
        probe(lambda: p.put((1, {})), p.get)
        S = queue.SimpleQueue
        s = S()
        probe(lambda: s.put(1), lambda: s.put(2, False), lambda: s.put(3, block=True, timeout=-1),
              lambda: s.put_nowait(4), s.qsize, s.empty, s.get, lambda: s.get(False),
              lambda: s.get(timeout=1), s.get_nowait, s.get_nowait, lambda: s.get(False),
              lambda: s.get(timeout=0.001), lambda: s.get(timeout=-1), s.qsize, s.empty, lambda: s,
              lambda: S, lambda: S.__name__, lambda: S.__module__, lambda: S.__qualname__,
              lambda: S.__doc__, lambda: S[int], lambda: isinstance(s, S), lambda: type(s) is S,
              lambda: isinstance(s, _queue.SimpleQueue), lambda: isinstance(_queue.SimpleQueue(), S),
              lambda: isinstance(1, S), lambda: pickle.dumps(s), lambda: copy.copy(s),
              lambda: S.put.__doc__, lambda: S(1) and 0 or "TypeError")
        class Mine(S):
            def put(self, item): super().put(item * 2)
        m = Mine()
        m.put(2)
        probe(m.get, lambda: isinstance(s, Mine), lambda: type(m).__name__)
    """)


def test_a_copy_of_a_queue_has_its_items():
    same("""
        import copy, queue, threading
        CONDITIONS = ("not_empty", "not_full", "all_tasks_done")
        class Copied(queue.Queue):
            def __getstate__(self):
                hidden = ("mutex", *CONDITIONS)
                return {name: value for name, value in self.__dict__.items() if name not in hidden}
            def __setstate__(self, state):
                self.__dict__.update(state)
                self.mutex = threading.Lock()
                for name in CONDITIONS:
                    setattr(self, name, threading.Condition(self.mutex))
        q = Copied(2)
        q.put(1); q.put("a")
        for other in (copy.deepcopy(q), copy.deepcopy(copy.deepcopy(q))):
            probe(other.get, lambda: other.put(2), other.get, other.get, lambda: other.get(False))
        probe(q.get, q.get, q.empty)
    """)


def test_queues_of_the_library_are_silent():
    result = orders("""
from multiprocessing.pool import ThreadPool
with ThreadPool(2) as pool:
    pool.map(abs, range(10))
""")
    assert not [op for op in result.ops if op[0] == "MainThread" and op[1] == "RECEIVE"]


def test_a_queue_module_without_its_c_part():
    """As a test imports it that wants the Python version: beside the real one, or before it."""
    program = """
import sys
sys.modules["_queue"] = None
import queue as pure
del sys.modules["_queue"], sys.modules["queue"]
slow = pure.SimpleQueue()
slow.put(1)
print(slow.get(), pure.LifoQueue().qsize(), "_queue" in sys.modules)
import queue
print(queue.SimpleQueue is pure.SimpleQueue, type(queue.SimpleQueue()).__module__)
del sys.modules["queue"]
pure.Queue().put(1)
"""
    same(program)


def test_two_threads_that_miss_the_same_items():
    """Both find that the program has emptied the queue; the other one is faster."""
    result = orders("""
from raceway_autopatch.queued import Items
class Crossed(Items):
    def _take(self, key):
        for every in list(self.pending):
            super()._take(every)
items = Crossed()
for item in ("one", "two"):
    items.putting(item)
    items.has_put(item)
items.compare([])
print(items.pending, items.more, items.puts)
""")
    assert result.out == "{} {} []\n"
