"""gevent: greenlets are actors.  Every test is a program of its own: gevent changes its process."""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("gevent")

HERE = Path(__file__).resolve().parent
PROLOGUE = f"""
import sys
sys.path[:0] = [{str(HERE.parents[1])!r}, {str(HERE)!r}]
from conftest import Recording, mark
from raceway.record import recorder
from raceway_autopatch.registry import Registry
recording = Recording()
patches = Registry(order=ORDER, selection="")
def start():
    patches.install()
    recorder.start(recording)
ordered, who, held = recording.ordered, recording.who, recording.held
"""
EPILOGUE = """
assert recording.errors() == [], recording.errors()
print("good")
"""


@pytest.fixture
def run(python):
    """Run a program with the recorder at hand; it must say nothing on stderr."""

    def run(source, *, start=True, order=("gevent",), expect_stderr=False):
        text = f"ORDER = {order!r}\n{PROLOGUE}{'start()' if start else ''}\n"
        text += textwrap.dedent(source) + EPILOGUE
        done = subprocess.run(
            [python, "-c", text], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("good\n"), done.stdout
        assert expect_stderr or not done.stderr, done.stderr

    return run


JOINS = {
    "join": "g.join()",
    "get": "g.get()",
    "joinall": "gevent.joinall([g])",
    "joinall of an iterator": "gevent.joinall(iter([g]))",
    "wait": "gevent.wait([g])",
    "kill": "gevent.sleep(0.01); g.kill()",
    "ready": "gevent.sleep(0.01); assert g.ready()",
    "killall": "gevent.sleep(0.01); gevent.killall([g])",
}


@pytest.mark.parametrize("join", JOINS)
def test_births_and_ends(run, join):
    """The spawner before the greenlet, the greenlet before whoever knows that it has ended."""
    run(f"""
    import gevent
    def bump():
        mark("begin"); gevent.sleep(0); mark("end")
    mark("before")
    g = gevent.spawn(bump)
    mark("later")
    gevent.sleep(0.01)
    mark("not yet")
    {JOINS[join]}
    mark("after")
    assert ordered("before", "begin") and ordered("end", "after")
    assert not ordered("later", "begin") and not ordered("end", "not yet")
    assert who("end").endswith("(bump)") and who("after") == "MainThread"
    """)


@pytest.mark.parametrize(
    "spawn",
    [
        "gevent.spawn(bump)",
        "gevent.spawn_later(0.001, bump)",
        "gevent.Greenlet.spawn(bump)",
        "gevent.Greenlet(bump); g.start()",
        "Mine(); g.start()",
        "gevent.pool.Group().spawn(bump)",
        "gevent.pool.Pool(3).spawn(bump)",
        "gevent.pool.Pool(3).apply_async(bump)",
    ],
)
def test_ways_to_spawn(run, spawn):
    """Each of them makes an actor that comes after its spawner."""
    run(f"""
    import gevent, gevent.pool
    def bump():
        mark("inside")
    class Mine(gevent.Greenlet):
        def _run(self):
            bump()
    mark("before")
    g = {spawn}
    g.join()
    mark("after")
    assert ordered("before", "inside") and ordered("inside", "after")
    assert who("inside").startswith("Greenlet-"), who("inside")
    """)


def test_raw_greenlets(run):
    """What has no join and no start of its own is an actor all the same."""
    run("""
    import gevent
    mark("before")
    gevent.spawn_raw(lambda: mark("inside"))
    gevent.sleep(0.01)
    mark("after")
    assert ordered("before", "inside") and not ordered("inside", "after")
    """)


def test_greenlets_are_not_ordered_by_the_hub(run):
    """Taking turns is no order; each turn is a switch."""
    run("""
    import gevent
    def bump(name):
        mark(f"{name} 1"); gevent.sleep(0.001); mark(f"{name} 2")
    gevent.joinall([gevent.spawn(bump, name) for name in "ab"])
    assert not ordered("a 1", "b 2") and not ordered("b 1", "a 2")
    actor = recording.actor("Greenlet-1 ")
    names = [op.argument or op.name for op in recording.ops
             if op.actor == actor and op.name in ("SWITCH", "WRITE")]
    assert names == ["SWITCH", "a 1", "SWITCH", "a 2"], names
    """)


def test_groups_know_who_has_left_them(run):
    """join and map of a pool come after all its greenlets."""
    run("""
    import gevent, gevent.pool
    pool = gevent.pool.Pool(2)
    assert pool.map(lambda i: mark(f"map {i}") or i, range(4)) == [0, 1, 2, 3]
    mark("mapped")
    for i in range(4):
        pool.spawn(mark, f"spawn {i}")
    gevent.sleep(0.01)
    pool.join()
    mark("joined")
    assert all(ordered(f"map {i}", "mapped") for i in range(4))
    assert all(ordered(f"spawn {i}", "joined") for i in range(4))
    """)


def test_signals(run):
    """Event, AsyncResult, links and queues: the sender before the receiver."""
    run("""
    import gevent
    from gevent.event import AsyncResult, Event
    from gevent.queue import JoinableQueue, Queue
    event, result, queue, linked = Event(), AsyncResult(), Queue(), AsyncResult()
    def send():
        mark("event"); event.set()
        mark("result"); result.set(3)
        mark("item"); queue.put("item")
        mark("no more")
    g = gevent.spawn(send)
    g.link(linked)
    event.wait(); mark("event seen")
    assert result.get() == 3; mark("result seen")
    assert queue.get() == "item"; mark("item got")
    linked.get(); mark("link seen")
    assert ordered("event", "event seen") and not ordered("result", "event seen")
    assert ordered("result", "result seen") and not ordered("item", "result seen")
    assert ordered("item", "item got") and not ordered("no more", "item got")
    assert ordered("no more", "link seen")
    jobs = JoinableQueue()
    def work():
        while True:
            jobs.get(); mark("done"); jobs.task_done()
    worker = gevent.spawn(work)
    jobs.put(1)
    jobs.join()
    mark("joined")
    assert ordered("done", "joined")
    worker.kill()
    """)


@pytest.mark.parametrize("kind", ["BoundedSemaphore(1)", "Semaphore()", "RLock()"])
def test_mutual_exclusion(run, kind):
    """Locks are held inside, and order nothing by themselves."""
    run(f"""
    import gevent
    from gevent import lock
    mutex = lock.{kind}
    def bump(name):
        with mutex:
            mark(name); gevent.sleep(0)
        mark(f"{{name}} after")
    gevent.joinall([gevent.spawn(bump, name) for name in "ab"])
    assert held()["a"] == held()["b"] != () == held()["a after"]
    assert not ordered("a", "b")
    (definition,) = [d for d in recording.definitions if d[0] == "lock"]
    assert definition[4].co_name == "<module>", definition
    assert {{op.thing.co_name for op in recording.ops if op.name == "ACQUIRE"}} == {{"bump"}}
    """)


def test_the_thread_pool(run):
    """Jobs in real threads: after who submitted them, before who got their result."""
    run("""
    import gevent
    mark("before")
    result = gevent.get_hub().threadpool.spawn(mark, "job")
    result.get()
    mark("after")
    assert ordered("before", "job") and ordered("job", "after")
    assert who("job") == "gevent threadpool (mark)"
    """)


def test_two_hubs_are_two_groups_and_other_threads_have_no_tracer(run):
    """Greenlets of different threads do run at the same time."""
    run("""
    import threading, gevent, greenlet
    plain = []
    thread = threading.Thread(target=lambda: plain.append(greenlet.gettrace()))
    thread.start(); thread.join()
    assert plain == [None]
    def other():
        gevent.spawn(mark, "other").join()
    thread = threading.Thread(target=other)
    thread.start(); thread.join()
    gevent.spawn(mark, "main").join()
    groups = {recording.definition(op.actor)[4] for op in recording.ops if op.name == "WRITE"}
    assert len(groups) == 2
    """)


def test_another_tracer_is_called_and_kept(run):
    """A trace function that was there before us sees every switch, and is there after us."""
    run("""
    import greenlet
    seen = []
    def theirs(event, args):
        seen.append(event)
    greenlet.settrace(theirs)
    import gevent
    gevent.spawn(mark, "inside").join()
    assert len(seen) >= 3
    assert who("inside").startswith("Greenlet-")
    patches.uninstall()
    assert greenlet.gettrace() is theirs
    """)


def test_an_error_of_ours_does_not_reach_who_switches(run):
    """The tracer stays, the greenlets run, the failure is counted."""
    run(
        """
    import gevent
    right = recorder.switch_to
    def wrong(state):
        raise RuntimeError("ours")
    recorder.switch_to = wrong
    assert gevent.spawn(lambda: 5).get() == 5
    recorder.switch_to = right
    assert recording.errors()
    recording.definitions.clear()
    recorder.status.errors.clear()
    """,
        expect_stderr=True,
    )


@pytest.mark.parametrize("moment", ["before", "after"])
def test_patch_all(run, moment):
    """Before or after our start: locks, threads and requests work, without a warning."""
    first, second = "gevent.monkey.patch_all()", "start()"
    if moment == "after":
        first, second = "start()", "import gevent.monkey; gevent.monkey.patch_all()"
    run(
        f"""
    import gevent, gevent.monkey
    {first}
    {second}
    import threading, queue, requests
    lock, rlock, inside = threading.Lock(), threading.RLock(), []
    def work(i):
        with lock, rlock, rlock:
            inside.append(i); gevent.sleep(0); assert inside.pop() == i
        mark(f"work {{i}}")
    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    items = queue.Queue()
    gevent.spawn(items.put, 4)
    assert items.get() == 4
    event = threading.Event()
    gevent.spawn(event.set)
    assert event.wait(5)
    assert who("work 1").startswith("Greenlet-"), who("work 1")
    """,
        start=False,
        order=("gevent", "requests", "flask", "asyncio"),
    )


def test_undone_completely(run):
    """After uninstall every name holds the original, also those that were copied."""
    run("""
    import gevent, gevent.pool, gevent.event, gevent.lock, gevent.queue, gevent.threadpool
    import greenlet
    gevent.spawn(mark, "x").join()
    patches.uninstall()
    assert gevent.Greenlet is gevent._gevent_cgreenlet.Greenlet
    assert gevent.pool.Group.greenlet_class is gevent.Greenlet
    assert type(gevent.spawn(lambda: 0)) is gevent.Greenlet
    assert gevent.joinall.__module__ == "gevent._gevent_cgreenlet"
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("gevent"):
            for name, value in vars(module).items():
                assert "_raceway_number" not in getattr(value, "__dict__", ()), name
    assert greenlet.gettrace() is None
    """)


def test_isinstance_is_as_before(run):
    """Objects from before a late start are still instances of what the names mean."""
    run(
        """
    import gevent, gevent.event
    early, event = gevent.spawn(lambda: 1), gevent.event.Event()
    start()
    assert isinstance(early, gevent.Greenlet) and isinstance(event, gevent.event.Event)
    late = gevent.spawn(mark, "late")
    assert isinstance(late, gevent.Greenlet)
    gevent.joinall([early, late])
    assert who("late").startswith("Greenlet-")
    """,
        start=False,
    )


def test_links(run):
    """A callback comes after who linked it and after what it is linked to; it can be unlinked."""
    run("""
    import gevent
    from gevent.event import AsyncResult, Event
    def work():
        mark("begin"); gevent.sleep(0.001); mark("end")
    seen = []
    def called(label):
        mark(label); seen.append(label)
    g = gevent.spawn(work)
    mark("before link")
    g.link(lambda _: called("called")); g.rawlink(lambda _: called("raw"))
    mark("after link")
    g.link(called); g.unlink(called)
    g.rawlink(called); g.unlink(called)
    event = Event()
    event.rawlink(lambda _: called("event seen"))
    def announce():
        mark("announced"); event.set(); mark("later")
    h = gevent.spawn(announce)
    while len(seen) < 3:
        gevent.sleep(0)
    mark("unjoined")
    for label in ("called", "raw"):
        assert ordered("before link", label) and ordered("end", label)
        assert not ordered("after link", label) and not ordered(label, "unjoined")
    assert ordered("announced", "event seen") and not ordered("later", "event seen")
    assert len(seen) == 3, seen
    """)


def test_who_was_not_waited_for(run):
    """What a wait does not promise is not ordered, even if it has happened by chance."""
    run("""
    import gevent
    from gevent.pool import Group
    def work(label):
        mark(label)
    group = Group()
    done, other = gevent.spawn(work, "done"), group.spawn(work, "other")
    while group:
        gevent.sleep(0)
    gevent.joinall([done, other], count=1)
    mark("one")
    assert ordered("done", "one") and not ordered("other", "one")
    assert group.map(str, [1]) == ["1"]
    mark("mapped")
    assert not ordered("other", "mapped")
    group.join()
    mark("joined")
    assert ordered("other", "joined")
    """)


def test_raw_greenlets_without_gevent(run):
    """Started and ended in order; in between a switch orders if it carries something."""
    run(
        """
    from greenlet import getcurrent, greenlet
    def work(value):
        mark("begin")
        getcurrent().parent.switch()
        mark("bare")
        getcurrent().parent.switch("value")
        mark("end")
    g = greenlet(work)
    mark("before")
    g.switch(1)
    mark("back")
    g.switch()
    mark("carried")
    g.switch()
    mark("after")
    assert ordered("before", "begin") and not ordered("begin", "back")
    assert not ordered("back", "bare") and ordered("bare", "carried")
    assert not ordered("carried", "end") and ordered("end", "after")
    """,
        order=("greenlet",),
    )


def test_trace_function_and_dict_of_a_plain_greenlet_are_the_program_s(run):
    run(
        """
    import greenlet
    seen = []
    def theirs(event, args):
        seen.append(event)
    def work():
        greenlet.getcurrent().answer = 42
    assert greenlet.gettrace() is None
    assert greenlet.settrace(theirs) is None
    assert greenlet.gettrace() is theirs
    plain = greenlet.greenlet(work)
    assert plain.__dict__ == {}
    plain.switch()
    assert plain.__dict__ == {"answer": 42}
    assert greenlet.getcurrent().__dict__ == {}
    assert seen == ["switch", "switch"]
    assert greenlet.settrace(None) is theirs
    assert greenlet.gettrace() is None
    plain = greenlet.greenlet(lambda: mark("greenlet"))
    mark("start")
    plain.switch()
    mark("end")
    assert ordered("start", "greenlet") and ordered("greenlet", "end")
    assert who("greenlet") != who("start")
    """,
        order=("greenlet",),
    )


def test_switch_while_the_interpreter_ends(python, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
    import greenlet
    waiting = []
    def work(waiting=waiting):
        waiting[0].parent.switch("worked")
    waiting.append(greenlet.greenlet(work))
    class Last:
        def __del__(self, waiting=waiting):
            print(waiting[0].switch())
    greenlet._greenlet.last = Last()
    """
        )
    )
    command = [python, "-m", "raceway_autopatch.launcher", "-q", python, program]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "worked\n", "")


def test_hooks_of_a_thread_pool_get_the_function_of_the_program(run):
    run(
        """
    import gevent.threadpool
    given = []
    class Pool(gevent.threadpool.ThreadPool):
        class _WorkerGreenlet(gevent.threadpool.ThreadPool._WorkerGreenlet):
            def _before_run_task(self, function, *rest):
                given.append(function)
                super()._before_run_task(function, *rest)
    def work():
        return 1701
    pool = Pool(1)
    assert pool.apply(work) == 1701
    assert given == [work]
    assert hash(given[0]) == hash(work)
    assert repr(given[0]) == repr(work)
    assert given[0].__name__ == "work"
    """
    )
