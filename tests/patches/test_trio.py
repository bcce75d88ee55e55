"""trio: tasks are actors, and what one learns of another is an edge."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

trio = pytest.importorskip("trio")
pytest.importorskip("trio.testing")
checkpoint = trio.lowlevel.checkpoint


async def turns(count):
    for _ in range(count):
        await checkpoint()


def locks(recording):
    recording.flush()
    return [d for d in recording.definitions if d[0] == "lock"]


# ---------------------------------------------------------------- tasks


def test_tasks_and_nurseries(trio_recording, marker):
    """Who starts a task comes before it, and the end of a nursery after all its children."""

    async def child(name):
        marker(f"{name} begins")
        await checkpoint()
        marker(f"{name} ends")

    async def main():
        marker("before")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, "a")
            nursery.start_soon(child, "b")
            marker("inside")
        marker("after")

    trio.run(main)
    marker("done")
    ordered = trio_recording.ordered
    assert ordered("before", "a begins")
    assert ordered("a ends", "after")
    assert ordered("b ends", "after")
    assert ordered("after", "done")
    assert not ordered("inside", "a begins")
    assert not ordered("a begins", "b ends")
    assert not ordered("b begins", "a ends")
    tasks = trio_recording.actors("task")
    assert [name.rpartition(".")[2] for name in tasks] == ["main", "child", "child"]


def test_tasks_take_turns_on_their_thread(trio_recording, marker):
    """All tasks of a run are in the group of its thread, and each step is a switch."""

    async def main():
        marker("one")
        await checkpoint()
        marker("two")

    marker("thread")
    trio.run(main)
    thread = next(op.actor for op in trio_recording.ops if op.argument == "thread")
    task = trio_recording.actor("main")
    assert trio_recording.definition(task)[4] == thread
    steps = [op.name if op.name == "SWITCH" else op.argument for op in trio_recording.ops]
    assert steps[steps.index("one") : steps.index("two")] == ["one", "SWITCH"]
    forks = [op.thing.co_name for op in trio_recording.ops if op.name == "FORK"]
    assert forks == ["test_tasks_take_turns_on_their_thread"]


def test_what_the_run_does_after_the_main_task(trio_recording, marker):
    """Who has called trio.run comes after system tasks, too."""

    async def background():
        try:
            await trio.sleep_forever()
        finally:
            marker("cleaned up")

    async def main():
        trio.lowlevel.spawn_system_task(background)
        await trio.testing.wait_all_tasks_blocked()

    trio.run(main)
    marker("done")
    assert trio_recording.ordered("cleaned up", "done")


def test_a_child_of_another_nursery_is_not_waited_for(trio_recording, marker):
    async def late(event):
        await event.wait()
        marker("late")

    async def main():
        event = trio.Event()
        async with trio.open_nursery() as outer:
            outer.start_soon(late, event)
            async with trio.open_nursery():
                pass
            marker("inner is left")
            event.set()
            marker("set")
        marker("outer is left")

    trio.run(main)
    assert trio_recording.ordered("inner is left", "late")
    assert not trio_recording.ordered("set", "late")
    assert trio_recording.ordered("late", "outer is left")


def test_start(trio_recording, marker):
    async def serve(task_status):
        marker("serves")
        task_status.started(80)
        marker("has started")
        await checkpoint()
        marker("ends")

    async def main():
        async with trio.open_nursery() as nursery:
            assert await nursery.start(serve) == 80
            marker("started")
        marker("left")

    trio.run(main)
    assert trio_recording.ordered("serves", "started")
    assert not trio_recording.ordered("has started", "started")
    assert trio_recording.ordered("ends", "left")


def test_a_failed_child(trio_recording, marker):
    """What is raised is the same, and the end of the block comes after the others' cleanup."""

    async def fails():
        marker("fails")
        raise KeyError

    async def sleeps():
        try:
            await trio.sleep_forever()
        finally:
            marker("cleans up")

    async def main():
        try:
            async with trio.open_nursery(strict_exception_groups=True) as nursery:
                nursery.start_soon(sleeps)
                await trio.testing.wait_all_tasks_blocked()
                nursery.start_soon(fails)
        except BaseException as error:
            marker("caught")
            return error
        return None

    error = trio.run(main)
    assert [type(one) for one in error.exceptions] == [KeyError]
    assert trio_recording.ordered("fails", "cleans up")
    assert trio_recording.ordered("cleans up", "caught")


# ---------------------------------------------------------------- primitives


@pytest.mark.parametrize("kind", ["Lock", "StrictFIFOLock"])
def test_a_lock_is_held_and_orders_nothing_by_itself(trio_recording, marker, kind):
    async def worker(lock, name):
        marker(f"{name} before")
        async with lock:
            marker(f"{name} inside")
            await trio.testing.wait_all_tasks_blocked()
        marker(f"{name} after")

    async def main():
        lock = getattr(trio, kind)()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker, lock, "a")
            nursery.start_soon(worker, lock, "b")

    trio.run(main)
    (lock,) = locks(trio_recording)
    assert lock[2] == f"trio.{kind}"
    assert lock[4].co_name == "main"
    held = trio_recording.held()
    assert held["a inside"] == held["b inside"] == (lock[1],)
    assert held["a before"] == held["a after"] == ()
    for one, other in (("a", "b"), ("b", "a")):
        assert not trio_recording.ordered(f"{one} before", f"{other} after")
    sites = {op.thing.co_name for op in trio_recording.ops if op.name in ("ACQUIRE", "RELEASE")}
    assert sites == {"worker"}


def test_a_lock_that_is_refused_is_not_held(trio_recording, marker):
    async def main():
        lock = trio.Lock()
        lock.acquire_nowait()
        with pytest.raises(RuntimeError, match="re-acquire"):
            await lock.acquire()
        lock.release()
        with pytest.raises(RuntimeError, match="don't own"):
            lock.release()
        with trio.CancelScope() as scope:
            scope.cancel()
            await lock.acquire()
        marker("free")

    trio.run(main)
    assert trio_recording.held()["free"] == ()
    assert [op.name for op in trio_recording.ops if "ACQUIRE" in op.name] == ["TRY_ACQUIRE"]


def test_a_condition(trio_recording, marker):
    """Who waits has the lock again, and the order of that lock is meant."""

    async def consumer(condition):
        async with condition:
            await condition.wait()
            marker("woken")

    async def main():
        condition = trio.Condition()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(consumer, condition)
            await trio.testing.wait_all_tasks_blocked()
            async with condition:
                marker("notifies")
                condition.notify()
        with trio.move_on_after(0):
            async with condition:
                await condition.wait()
        marker("free")

    trio.run(main)
    (lock,) = locks(trio_recording)
    held = trio_recording.held()
    assert held["woken"] == held["notifies"] == (lock[1],)
    assert held["free"] == ()
    assert not trio_recording.ordered("notifies", "woken")  # but by the lock
    assert {op.subject for op in trio_recording.ops if op.name == "NOTIFY"} == {lock[1]}


def test_semaphores(trio_recording, marker):
    """One permit is a lock; none counts messages; with more, the first ones wait for nobody."""

    async def worker(semaphore, name):
        async with semaphore:
            marker(name)
            await trio.testing.wait_all_tasks_blocked()
            marker(f"{name} leaves")

    async def waiter(semaphore):
        await semaphore.acquire()
        marker("acquired")

    async def main():
        one, two, none = trio.Semaphore(1), trio.Semaphore(2), trio.Semaphore(0)
        async with trio.open_nursery() as nursery:
            for name in ("a", "b"):
                nursery.start_soon(worker, one, name)
            for name in ("c", "d"):
                nursery.start_soon(worker, two, name)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(worker, two, "e")
            nursery.start_soon(waiter, none)
            await trio.testing.wait_all_tasks_blocked()
            marker("released")
            none.release()

    trio.run(main)
    held, ordered = trio_recording.held(), trio_recording.ordered
    assert held["a"] == held["b"] != ()
    assert held["c"] == held["d"] == held["e"] == ()
    assert not ordered("a", "b")
    assert not ordered("b", "a")
    assert not ordered("c", "d")
    assert ordered("c leaves", "e") or ordered("d leaves", "e")
    assert ordered("released", "acquired")


def test_limiters(trio_recording, marker):
    async def worker(limiter, name):
        async with limiter:
            marker(name)
            await checkpoint()

    async def main():
        one, two = trio.CapacityLimiter(1), trio.CapacityLimiter(2)
        async with trio.open_nursery() as nursery:
            for limiter, name in ((one, "a"), (one, "b"), (two, "c"), (two, "d"), (two, "e")):
                nursery.start_soon(worker, limiter, name)
        one.acquire_nowait()
        marker("taken")
        one.release()
        marker("free")

    trio.run(main)
    held = trio_recording.held()
    assert held["a"] == held["b"] == held["taken"] != ()
    assert held["c"] == held["free"] == ()
    names = "abcde"
    assert not any(trio_recording.ordered(a, b) for a in names for b in names if a != b)


def test_events(trio_recording, marker):
    async def waiter(event, name):
        await event.wait()
        marker(name)

    async def looks(event):
        while not event.is_set():
            await checkpoint()
        marker("seen")

    async def main():
        event = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiter, event, "woken")
            nursery.start_soon(looks, event)
            nursery.start_soon(late, event)
            await turns(5)
            marker("sets")
            event.set()
            marker("has set")

    async def late(event):
        await turns(9)
        await event.wait()
        marker("late")

    trio.run(main)
    for name in ("woken", "seen", "late"):
        assert trio_recording.ordered("sets", name)
        assert not trio_recording.ordered("has set", name)


@pytest.mark.parametrize("size", [0, 1, 5])
def test_channels(trio_recording, marker, size):
    """An item comes after its own send, also if the same object is sent again."""

    async def sender(channel):
        async with channel:
            for number in range(3):
                marker(f"sends {number}")
                await channel.send(None)
            marker("closes")

    async def receiver(channel):
        number = 0
        async for _ in channel:
            marker(f"receives {number}")
            number += 1
        marker("end")

    async def main():
        send, receive = trio.open_memory_channel(size)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sender, send)
            nursery.start_soon(receiver, receive)

    trio.run(main)
    for number in range(3):
        assert trio_recording.ordered(f"sends {number}", f"receives {number}")
    assert not trio_recording.ordered("closes", "receives 0")
    assert trio_recording.ordered("closes", "end")


def test_a_send_that_was_cancelled(trio_recording, marker):
    async def gives_up(channel):
        with trio.move_on_after(0):
            marker("given up")
            await channel.send(None)

    async def main():
        send, receive = trio.open_memory_channel(0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gives_up, send.clone())
            await trio.sleep(0.01)
            nursery.start_soon(sends, send)
            await receive.receive()
            marker("received")
        with pytest.raises(trio.WouldBlock):
            send.send_nowait(1)
        with pytest.raises(trio.WouldBlock):
            receive.receive_nowait()

    async def sends(channel):
        marker("sent")
        await channel.send(None)

    trio.run(main)
    assert trio_recording.ordered("sent", "received")
    assert not trio_recording.ordered("given up", "received")


# ---------------------------------------------------------------- threads


def test_jobs(trio_recording, marker):
    async def main():
        marker("before")
        await trio.to_thread.run_sync(marker, "one")
        marker("between")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, marker, "two")
            await checkpoint()
            marker("unordered")

    trio.run(main)
    ordered = trio_recording.ordered
    assert ordered("before", "one")
    assert ordered("one", "between")
    assert ordered("between", "two")
    assert not ordered("unordered", "two")
    assert trio_recording.who("one") == trio_recording.who("two") == "worker (mark)"
    assert trio_recording.actors("call") == ["worker (mark)"] * 2
    joins = [op for op in trio_recording.ops if op.name == "JOIN"]
    assert len(joins) == 2


def test_a_job_that_is_abandoned(trio_recording, marker):
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def job():
        begun.set()
        go_on.wait(10)
        marker("job")
        over.set()

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waits)
            await trio.to_thread.run_sync(begun.wait)
            nursery.cancel_scope.cancel()
        marker("abandoned")

    async def waits():
        await trio.to_thread.run_sync(job, abandon_on_cancel=True)

    trio.run(main)
    go_on.set()
    assert over.wait(10)
    assert not trio_recording.ordered("job", "abandoned")
    assert trio_recording.actors("job") == ["worker (job)"]


def test_a_limiter_of_one_for_jobs(trio_recording, marker):
    """The token is held by who waits for the job, and given back when that is known to be over."""

    async def main():
        limiter = trio.CapacityLimiter(1)
        async with trio.open_nursery() as nursery:
            for name in ("a", "b", "c"):
                nursery.start_soon(job, name, limiter)

    async def job(name, limiter):
        await trio.to_thread.run_sync(marker, name, limiter=limiter)
        marker(f"after {name}")

    trio.run(main)
    (lock,) = locks(trio_recording)
    names = {op.actor: [] for op in trio_recording.ops if op.subject == lock[1]}
    for op in trio_recording.ops:
        if op.actor in names and op.name in ("ACQUIRE", "FORK", "JOIN", "RELEASE"):
            names[op.actor].append(op.name)
    # The task hears twice of the end: when the token is given back, and when it goes on.
    assert list(names.values()) == [["ACQUIRE", "FORK", "JOIN", "RELEASE", "JOIN"]] * 3
    taken = [op.name for op in trio_recording.ops if op.name in ("ACQUIRE", "RELEASE")]
    assert taken == ["ACQUIRE", "RELEASE"] * 3
    assert lock[2] == "trio.CapacityLimiter"


@pytest.mark.parametrize("given", [False, True])
def test_from_thread(trio_recording, marker, given):
    async def asked():
        marker("asked")
        await checkpoint()
        marker("answers")

    def job(token):
        marker("job")
        options = {"trio_token": token} if given else {}
        trio.from_thread.run(asked, **options)
        marker("answered")
        assert trio.from_thread.run_sync(marker, "called", **options) is None
        marker("returned")

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            await trio.to_thread.run_sync(job, trio.lowlevel.current_trio_token())

    async def other():
        marker("other")

    trio.run(main)
    steps = ["job", "asked", "answers", "answered", "called", "returned"]
    for first, second in itertools.pairwise(steps):
        assert trio_recording.ordered(first, second)
    assert not any(trio_recording.ordered("other", step) for step in steps)


def test_callbacks(trio_recording, marker):
    """Each is an actor of its own, after who has asked for it; those that are equal are one."""

    class Callback:
        def __init__(self, name):
            self.name = name

        def __call__(self, event):
            marker(self.name)
            event.set()

        def __eq__(self, other):
            return self.name == other.name

        def __hash__(self):
            return hash(self.name)

    async def main():
        token = trio.lowlevel.current_trio_token()
        one, two = trio.Event(), trio.Event()
        marker("asks")
        token.run_sync_soon(Callback("one"), one)
        marker("has asked")
        token.run_sync_soon(Callback("two"), two, idempotent=True)
        token.run_sync_soon(Callback("two"), two, idempotent=True)
        await one.wait()
        await two.wait()
        marker("told")

    trio.run(main)
    assert trio_recording.ordered("asks", "one")
    assert not trio_recording.ordered("has asked", "one")
    assert trio_recording.ordered("has asked", "two")
    assert not trio_recording.ordered("one", "two")
    assert trio_recording.ordered("one", "told")
    assert len(trio_recording.actors("callback")) == 2


def test_a_thread_of_the_program(trio_recording, marker):
    """What it delivers is a part of the job."""
    delivered = threading.Event()

    def deliver(result):
        marker("delivers")
        assert result.unwrap() == 3
        delivered.set()

    def job():
        marker("job")
        return 3

    marker("starts")
    trio.lowlevel.start_thread_soon(job, deliver)
    marker("has started")
    assert delivered.wait(10)
    assert trio_recording.ordered("starts", "job")
    assert not trio_recording.ordered("has started", "job")
    assert trio_recording.ordered("job", "delivers")
    assert trio_recording.who("delivers") == "worker (job)"


# ---------------------------------------------------------------- the program


def test_the_lock_that_is_recommended_is_of_trio():
    root = Path(__file__).parent.parent.parent
    program = root / "tests" / "programs" / "trio" / "lost_update_across_await.py"
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    command = [sys.executable, "-m", "raceway_autopatch.launcher", str(program)]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=True)
    assert "hold a trio.Lock over lines" in done.stderr
    assert "asyncio" not in done.stderr


def test_instruments_of_the_program(trio_recording):
    """They are called as ever, and see no task of ours."""

    class Seen(trio.abc.Instrument):
        def __init__(self):
            self.tasks = []
            self.steps = 0

        def task_exited(self, task):
            self.tasks.append(task.name.rpartition(".")[2])

        def before_task_step(self, task):
            self.steps += 1

    seen = Seen()
    trio.run(trio.sleep, 0, instruments=[seen])
    assert seen.tasks[0] == "sleep"
    assert seen.steps > 2
    assert "sleep" in trio_recording.actors("task")[0]


def test_a_guest_run(trio_recording, marker):
    """In a loop of somebody else's, who is told of the end comes after it."""
    todo, outcomes = [], []
    more = threading.Semaphore(0)

    def soon(function):
        todo.append(function)
        more.release()

    async def main():
        marker("main")
        await trio.sleep(0.01)
        marker("main ends")
        return 3

    marker("host")
    trio.lowlevel.start_guest_run(
        main, run_sync_soon_threadsafe=soon, done_callback=outcomes.append
    )
    while not outcomes:
        more.acquire()
        todo.pop(0)()
    marker("host goes on")
    assert outcomes[0].unwrap() == 3
    assert trio_recording.ordered("host", "main")
    assert trio_recording.ordered("main ends", "host goes on")


def test_two_runs_in_two_threads(trio_recording, marker):
    async def main(name):
        await checkpoint()
        marker(name)

    threads = [threading.Thread(target=trio.run, args=(main, name)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not trio_recording.ordered("a", "b")
    assert not trio_recording.ordered("b", "a")
    groups = {
        trio_recording.definition(op.actor)[4]
        for op in trio_recording.ops
        if op.argument in ("a", "b")
    }
    assert len(groups) == 2
