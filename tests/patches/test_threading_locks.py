"""Lock, RLock and Condition: what is recorded, and that nothing else differs."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from recorded import run, same

KINDS = ("Lock", "RLock")


def locks_of(text):
    return run("import threading\n" + text).lock_ops()


@pytest.mark.parametrize("kind", KINDS)
def test_with_block(kind):
    result = run(f"""
        import threading
        def work():
            lock = threading.{kind}()
            with lock:
                pass
        work()
    """)
    expected = [("MainThread", "ACQUIRE", 1, "work"), ("MainThread", "RELEASE", 1, "work")]
    assert expected == result.ops
    assert ["lock", 1, kind, "", "work"] == next(
        d[:5] for d in result.definitions if d[0] == "lock"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_explicit_calls_and_trying(kind):
    text = f"""
lock = threading.{kind}()
lock.acquire(); lock.release()
lock.acquire(True, -1); lock.release()
lock.acquire(False); lock.release()
lock.acquire(timeout=5); lock.release()
lock.acquire(blocking=True); lock.release()
"""
    ops = [line.split()[1] for line in locks_of(text)]
    assert "ACQUIRE ACQUIRE TRY_ACQUIRE TRY_ACQUIRE ACQUIRE".split() == ops[::2]
    assert ["RELEASE"] * 5 == ops[1::2]


def test_every_level_of_an_rlock():
    text = """
lock = threading.RLock()
with lock:
    with lock:
        lock.acquire()
        lock.release()
"""
    ops = [line.split()[1] for line in locks_of(text)]
    assert "ACQUIRE ACQUIRE ACQUIRE RELEASE RELEASE RELEASE".split() == ops


@pytest.mark.parametrize("kind", KINDS)
def test_failures_leave_no_op(kind):
    text = f"""
lock = threading.{kind}()
def bad(f, *args):
    try:
        f(*args)
    except (RuntimeError, ValueError, TypeError, OverflowError):
        pass
    else:
        raise SystemError
bad(lock.release)
bad(lock.__exit__, None, None, None)
bad(lock.acquire, False, 1)
bad(lock.acquire, True, -2)
bad(lock.acquire, "x", "y")
bad(lock.acquire, True, 1e20)
def other():
    if lock.acquire(False) or lock.acquire(timeout=0.001):
        raise SystemError
with lock:
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
"""
    assert ["MainThread ACQUIRE 1", "MainThread RELEASE 1"] == locks_of(text)


def test_release_by_another_thread():
    text = """
lock = threading.Lock()
lock.acquire()
thread = threading.Thread(target=lock.release, name="other")
thread.start()
thread.join()
"""
    assert ["MainThread ACQUIRE 1", "other RELEASE 1"] == locks_of(text)


def test_interrupted_acquire():
    """A signal handler that raises while the lock is waited for leaves it as it was."""
    text = """
import signal
lock = threading.Lock()
lock.acquire()
def handler(*args):
    raise TimeoutError
signal.signal(signal.SIGALRM, handler)
for attempt in (lock.acquire, lock.__enter__):
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    try:
        attempt()
    except TimeoutError:
        print("interrupted", lock.locked())
lock.release()
"""
    result = run("import threading\n" + text)
    assert "interrupted True\ninterrupted True\n" == result.out
    assert ["MainThread ACQUIRE 1", "MainThread RELEASE 1"] == result.lock_ops()


def test_interrupted_at_any_moment_it_is_never_left_locked_by_with():
    result = run("""
        import signal, threading
        lock = threading.Lock()
        class Stop(Exception): pass
        def handler(*args):
            raise Stop
        signal.signal(signal.SIGALRM, handler)
        stuck = 0
        for n in range(200):
            try:
                try:
                    # Again after a while: what is raised in a finaliser is lost, with us or not.
                    signal.setitimer(signal.ITIMER_REAL, 0.0002 + n * 1e-7, 0.2)
                    while True:
                        with lock:
                            pass
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Stop:
                pass
        print("done")
    """)
    assert "done\n" == result.out


def test_exit_stack_and_class_access():
    text = """
import contextlib
def work(lock):
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock)
lock = threading.Lock()
work(lock)
type(lock).__enter__(lock)
type(lock).__exit__(lock, None, None, None)
"""
    result = run("import threading\n" + text)
    assert ["ACQUIRE", "RELEASE"] * 2 == [op for _, op, *_ in result.ops]
    assert ["work", "work"] == [function for *_, function in result.ops[:2]]


def test_locks_of_the_standard_library_are_silent():
    result = run("""
        import threading, queue, logging, concurrent.futures, random, tempfile
        queue.Queue().put(1)
        logging.getLogger("x").info("y")
        tempfile.gettempdir()
        concurrent.futures.Future()
        threading.Event().set()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            pool.submit(print).result()
        assert "raceway" not in type(queue.Queue().mutex).__mro__[-2].__module__
    """)
    assert [] == result.lock_ops()
    assert not [d for d in result.definitions if d[0] == "lock"]


def test_no_lock_of_a_module_that_only_shares_a_name():
    result = run("""
        import threading
        exec("import threading; lock = threading.Lock()",
             {"__name__": "types", "__file__": "/home/me/types.py"})
        exec("import threading; lock = threading.Lock()", {"__name__": "tempfile"})
    """)
    assert 1 == len([d for d in result.definitions if d[0] == "lock"])


# ---------------------------------------------------------------- as bare

MATRIX = """
import threading, _thread, copy, pickle, weakref, inspect, contextlib, collections, dataclasses
import functools, typing, gc
F = threading.{kind}
lock = F()
T = type(lock)
class Holder:
    make = F
class Plain:
    pass
@dataclasses.dataclass
class Data:
    lock: object = dataclasses.field(default_factory=F)
def check_weakref():
    one = F()
    ref = weakref.ref(one)
    alive = ref() is one
    del one
    return alive, ref()
def subclass():
    class Sub(T):
        pass
    return isinstance(Sub(), T), isinstance(Sub(), Sub), Sub.__name__, Sub().__class__ is Sub
def factory_subclass():
    try:
        class Sub(F):
            pass
    except TypeError:
        return "TypeError"
    return "made"
def stack():
    with contextlib.ExitStack() as s:
        return s.enter_context(lock), repr(lock)
def with_value():
    with lock as value:
        return value, repr(lock)
def child():
    out = []
    t = threading.Thread(target=lambda: out.append((lock.acquire(False), lock.release())))
    t.start(); t.join()
    return out
def reinit():
    one = F()
    one.acquire()
    one._at_fork_reinit()
    return repr(one), one.acquire(False)
def error_in_block():
    try:
        with lock:
            1 / 0
    except ZeroDivisionError:
        return repr(lock)
probe(
    lambda: sorted(dir(lock)), lambda: F.__name__, lambda: F.__qualname__, lambda: F.__module__, lambda: F.__doc__,
    lambda: callable(F), lambda: inspect.isbuiltin(F), lambda: inspect.isclass(F),
    lambda: inspect.isfunction(F), lambda: str(inspect.signature(F)),
    lambda: isinstance(lock, T), lambda: isinstance(lock, type(_thread.allocate_lock())),
    lambda: isinstance(lock, type(_thread.RLock())), lambda: isinstance(lock, F),
    lambda: isinstance(_thread.allocate_lock(), T), lambda: isinstance(_thread.RLock(), T),
    lambda: isinstance(1, T), lambda: issubclass(T, T), lambda: issubclass(int, T),
    lambda: F | None, lambda: typing.Optional[T], lambda: T | None,
    lambda: T, lambda: T.__name__, lambda: T.__qualname__, lambda: T.__module__, lambda: T.__doc__,
    lambda: lock.__class__, lambda: lock.__class__.__name__, lambda: lock, lambda: lock.__doc__,
    lambda: isinstance(Holder.make(), T), lambda: isinstance(Holder().make(), T) or "method",
    lambda: isinstance(Data().lock, T), lambda: isinstance(collections.defaultdict(F)[1], T),
    lambda: functools.partial(F)(),
    check_weakref, subclass, factory_subclass, stack, with_value, child, reinit, error_in_block,
    lambda: copy.copy(lock), lambda: copy.deepcopy(lock), lambda: pickle.dumps(lock),
    lambda: pickle.dumps(lock, 0), lambda: pickle.loads(pickle.dumps(F)) is F,
    lambda: copy.deepcopy(F) is F, lambda: isinstance(pickle.loads(pickle.dumps(T))(), T) or 1,
    lambda: setattr(lock, "x", 1), lambda: setattr(lock, "acquire", 1), lambda: lock.x,
    lambda: delattr(lock, "acquire"), lambda: vars(lock),
    lambda: hash(lock) == hash(lock), lambda: lock == lock, lambda: lock == F(), lambda: bool(lock),
    lambda: lock.acquire(), lambda: lock, lambda: lock.acquire(False), lambda: lock.release(),
    lambda: lock.acquire(True, 0.001), lambda: lock.release(),
    lambda: hasattr(lock, "locked") and lock.locked(),
    lambda: hasattr(lock, "_is_owned") and lock._is_owned(),
    lambda: hasattr(lock, "_recursion_count") and lock._recursion_count(),
    lambda: hasattr(lock, "_release_save"), lambda: hasattr(lock, "acquire_lock"),
    lambda: lock.acquire(False, 1), lambda: lock.acquire(True, -2), lambda: lock.acquire("a"),
    lambda: lock.acquire(True, "a"), lambda: lock.acquire(True, None),
    lambda: lock.acquire(True, 1e20), lambda: lock.acquire(1, 2, 3) and 0 or "TypeError",
    lambda: [lock.release() for _ in range(9)], lambda: lock,
    lambda: lock.__enter__(), lambda: lock.__exit__(), lambda: lock.__exit__(1, 2, 3),
    lambda: T.acquire(lock), lambda: T.release(lock), lambda: T.__enter__(lock),
    lambda: T.__exit__(lock, None, None, None), lambda: lock,
    lambda: F(1, 2), lambda: F(x=1),
    lambda: issubclass(T, contextlib.AbstractContextManager),
    lambda: isinstance(lock, contextlib.AbstractContextManager),
    lambda: gc.is_tracked(Plain()),
)
"""


def differences(kind):
    program = "import warnings; warnings.simplefilter('ignore')\n" + MATRIX.replace("{kind}", kind)
    bare, ours = (run(program, mode).out.splitlines() for mode in ("bare", "ours"))
    assert len(bare) == len(ours) > 80
    return [(one, other) for one, other in zip(bare, ours, strict=True) if one != other]


@pytest.mark.parametrize("kind", KINDS)
def test_everything_else_is_as_bare(kind):
    """The one text that differs is that of a call with too many arguments."""
    expected = ["TypeError: acquire() takes at most 2 arguments (3 given)"]
    assert expected == [bare for bare, _ in differences(kind)]


def test_condition_is_as_bare():
    same("""
        import threading, warnings
        for make in (lambda: None, threading.Lock, threading.RLock):
            c = threading.Condition(make())
            def inside(f):
                def call():
                    with c:
                        return f()
                return call
            probe(lambda: c.wait(), lambda: c.wait(0.001), lambda: c.notify(), lambda: c.notify_all(),
                  inside(lambda: c.wait(0.001)), inside(lambda: c.wait(0)),
                  inside(lambda: c.wait(-1)),
                  inside(lambda: c.wait_for(lambda: False, 0.001)),
                  inside(lambda: c.wait_for(lambda: 7)), inside(c.notify), inside(c.notify_all),
                  inside(lambda: c.notify(0)), c.release, lambda: c.acquire(False), c.release,
                  lambda: c, inside(lambda: repr(c)), c.__enter__, lambda: c.__exit__(None, None, None),
                  lambda: c._is_owned(), inside(c._is_owned))
        probe(lambda: threading.Condition(1), lambda: threading.Condition(lock=1, x=2) and 0)
        lock = threading.RLock()
        c = threading.Condition(lock)
        with lock, lock, lock:
            probe(lambda: c.wait(0.001), lambda: lock._is_owned())
        probe(lock.release)
        class Mine(threading.Condition):
            def __init__(self):
                super().__init__(threading.Lock())
        with Mine() as m:
            print(m)
    """)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        ("threading.Condition()", "Condition"),
        ("threading.Condition(threading.Lock())", "Lock"),
        ("threading.Condition(threading.RLock())", "RLock"),
    ],
)
def test_wait_and_notify(make, kind):
    result = run(f"""
        import threading
        def main():
            condition = {make}
            def other():
                mark("told")
                with condition:
                    condition.notify_all()
                mark("after")
            with condition:
                thread = threading.Thread(target=other, name="other")
                thread.start()
                assert condition.wait(10)
                mark("woken")
            thread.join()
        main()
    """)
    assert [
        "MainThread NOTIFY 1",  # so that it is known from the beginning what the lock is for
        "MainThread ACQUIRE 1", "MainThread WAIT_RELEASE 1", "other ACQUIRE 1", "other NOTIFY 1",
        "other RELEASE 1", "MainThread WAIT_ACQUIRE 1", "MainThread RELEASE 1",
    ] == result.lock_ops()  # fmt: skip
    assert {"main", "other", None} == {
        f for _, op, _, f in result.ops if op not in {"SEND", "RECEIVE", "JOIN", "END"}
    }
    assert [kind] == [d[2] for d in result.definitions if d[0] == "lock"]
    assert result.before("told", "woken")
    assert not result.before("after", "woken")


def test_a_wait_gives_up_every_level():
    ops = locks_of("""
c = threading.Condition()
with c, c, c:
    c.wait(0.001)
""")
    expected = "NOTIFY ACQUIRE ACQUIRE ACQUIRE WAIT_RELEASE WAIT_ACQUIRE RELEASE RELEASE RELEASE"
    assert expected.split() == [line.split()[1] for line in ops]


def test_who_was_not_woken_has_received_nothing():
    result = run("""
        import threading
        c = threading.Condition()
        with c:
            c.notify_all()          # nobody waits
            c.wait(0.001)           # times out
            try:
                threading.Condition().notify()
            except RuntimeError:
                print("as ever")
    """)
    assert "as ever\n" == result.out
    assert [] == [op for op in result.ops if op[1] in {"SEND", "RECEIVE"}]
    made, notified, made_second = "NOTIFY 1", "NOTIFY 1", "NOTIFY 2"
    assert [made, notified, made_second] == result.of("MainThread", "NOTIFY")


def test_the_condition_of_the_library_is_silent():
    result = run("""
        import threading, queue
        q = queue.Queue()
        threading.Thread(target=q.put, args=(1,)).start()
        q.get()
    """)
    assert [] == result.lock_ops()
