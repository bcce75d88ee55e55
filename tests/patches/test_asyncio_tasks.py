"""asyncio: who runs, and what happens before what, on every path by which a task comes about."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import threading
import weakref

import pytest

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.registry import Registry

EAGER = sys.version_info >= (3, 12)


async def child(mark, label="child", pause=0):
    mark(f"{label} begins")
    await asyncio.sleep(pause)
    mark(f"{label} ends")
    return label


async def by_create_task(mark):
    await asyncio.create_task(child(mark))


async def by_loop_create_task(mark):
    await asyncio.get_running_loop().create_task(child(mark))


async def by_ensure_future(mark):
    await asyncio.ensure_future(child(mark))


async def by_gather(mark):
    await asyncio.gather(child(mark))


async def by_wait_for(mark):
    await asyncio.wait_for(child(mark), 10)


async def by_task_group(mark):
    async with asyncio.TaskGroup() as group:
        group.create_task(child(mark))


async def by_threadsafe(mark):
    loop = asyncio.get_running_loop()
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(child(mark), loop))


async def by_constructor(mark):
    await asyncio.Task(child(mark), loop=asyncio.get_running_loop())


async def by_wait(mark):
    await asyncio.wait([asyncio.create_task(child(mark))])


async def by_shield(mark):
    await asyncio.shield(child(mark))


async def by_as_completed(mark):
    for one in asyncio.as_completed([child(mark)]):
        await one


PATHS = [
    by_create_task, by_loop_create_task, by_ensure_future, by_gather, by_wait_for, by_threadsafe,
    by_constructor, by_wait, by_shield, by_as_completed,
]  # fmt: skip
if sys.version_info >= (3, 11):
    PATHS.append(by_task_group)


@pytest.mark.parametrize("eager", [False, *([True] if EAGER else [])])
@pytest.mark.parametrize("path", PATHS)
def test_a_task_is_ordered_with_its_parent(asyncio_recording, marker, path, eager):
    """Every path: the parent before the child, and the child before what follows its await."""

    async def main():
        if eager:
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        marker("before")
        await path(marker)
        marker("after")

    asyncio.run(main())
    marker("outside")
    assert asyncio_recording.ordered("before", "child begins")
    assert asyncio_recording.ordered("child ends", "after")
    assert asyncio_recording.ordered("after", "outside")
    if not (path is by_wait_for and sys.version_info >= (3, 12)):
        assert "(child)" in asyncio_recording.who("child begins")
        assert "(child)" in asyncio_recording.who("child ends")
    number = asyncio_recording.actor("(main)")
    group = asyncio_recording.definition(number)[4]
    assert asyncio_recording.definition(group)[3] == "thread"


def test_the_main_task_is_an_actor(asyncio_recording, marker):
    """asyncio.run makes a task, and not the thread, the owner of what main() does."""

    async def main():
        marker("inside")

    marker("before")
    asyncio.run(main())
    marker("after")
    assert asyncio_recording.who("inside").endswith("(main)")
    assert asyncio_recording.who("before") == asyncio_recording.who("after")
    assert asyncio_recording.ordered("before", "inside")
    assert asyncio_recording.ordered("inside", "after")


def test_tasks_without_a_common_event_are_not_ordered(asyncio_recording, marker):
    """Taking turns, sleeping and the loop itself order nothing."""

    async def main():
        await asyncio.gather(*(child(marker, name, 0.001 * i) for i, name in enumerate("abc")))

    asyncio.run(main())
    for one in "abc":
        for other in "abc":
            if one != other:
                assert not asyncio_recording.ordered(f"{one} begins", f"{other} ends")
                assert not asyncio_recording.ordered(f"{one} ends", f"{other} begins")


def test_every_step_is_a_switch(asyncio_recording, marker):
    """What lies between two awaits is one segment, what lies around one is not."""

    async def main():
        marker("one")
        marker("two")
        await asyncio.sleep(0)
        marker("three")

    asyncio.run(main())
    names = [
        op.argument if op.name == "WRITE" else op.name
        for op in asyncio_recording.ops
        if op.name in ("SWITCH", "WRITE") and op.actor == asyncio_recording.actor("(main)")
    ]
    assert names == ["SWITCH", "one", "two", "SWITCH", "three"]


def test_gather_knows_all_children(asyncio_recording, marker):
    """The outcome of gather comes after every child, not only after the last to end."""

    async def main():
        await asyncio.gather(*(child(marker, name, 0.001 * i) for i, name in enumerate("abc")))
        marker("after")

    asyncio.run(main())
    assert all(asyncio_recording.ordered(f"{name} ends", "after") for name in "abc")


def test_an_operation_ends_with_its_object(asyncio_recording, marker):
    """Nobody says when a gather is over, and an actor that never ends is kept for ever."""

    async def main():
        await asyncio.gather(child(marker))

    asyncio.run(main())
    gc.collect()
    gathering = asyncio_recording.actor("gather")
    last = [op for op in asyncio_recording.ops if op.actor == gathering][-1]
    assert (last.name, last.subject) == ("END", gathering)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_an_operation_does_not_end_in_a_forked_child(asyncio_recording):
    """The child inherits the object, and has an actor of that number itself, or none."""

    async def begin():
        loop = asyncio.get_running_loop()
        done, pending = loop.create_future(), loop.create_future()
        gathered = asyncio.gather(done, pending)
        done.set_result(1)
        await asyncio.sleep(0)  # the operation runs: it has an actor now
        return done, pending, gathered

    loop = asyncio.new_event_loop()
    futures = loop.run_until_complete(begin())
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        recorder.BUFFER.clear()
        del futures
        gc.collect()
        ends = [subject for subject in recorder.BUFFER[1::4] if subject & ops.OP_MASK == ops.END]
        os.write(writer, b"%d" % len(ends))
        os._exit(0)
    os.close(writer)
    assert os.read(reader, 9) == b"0"
    os.close(reader)
    os.waitpid(process, 0)
    futures[-1].cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@pytest.mark.parametrize("learn", ["await", "result", "done", "gather", "wait", "callback"])
def test_what_is_done_already_is_learned(asyncio_recording, marker, learn):
    """Awaiting or asking a task that ended before waits for nothing, and orders all the same."""

    async def main():
        task = asyncio.create_task(child(marker))
        await asyncio.sleep(0.01)
        marker("not yet")
        if learn == "await":
            await task
        elif learn == "result":
            task.result()
        elif learn == "done":
            assert task.done()
        elif learn == "gather":
            await asyncio.gather(task)
        elif learn == "wait":
            await asyncio.wait([task])
        else:
            seen = asyncio.Event()
            task.add_done_callback(lambda _: seen.set())
            await seen.wait()
        marker("after")

    asyncio.run(main())
    assert not asyncio_recording.ordered("child ends", "not yet")
    assert asyncio_recording.ordered("child ends", "after")


def test_a_future_that_is_set_already(asyncio_recording, marker):
    """The value of a future comes after who set it, also if nobody had to wait."""

    async def setter(future):
        marker("set")
        future.set_result(1)

    async def main():
        future = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(setter(future))
        await asyncio.sleep(0)
        assert await future == 1
        marker("got")
        await task

    asyncio.run(main())
    assert asyncio_recording.ordered("set", "got")


def test_jobs_of_an_executor_that_ended_before_they_were_awaited(asyncio_recording, marker):
    """``for future in futures: await future`` orders every job, not only the last."""

    async def main():
        loop = asyncio.get_running_loop()
        gate = threading.Event()

        def job(label):
            gate.wait(10)
            marker(label)

        futures = [loop.run_in_executor(None, job, f"job {i}") for i in range(3)]
        gate.set()
        await asyncio.sleep(0.1)
        for future in futures:
            await future
        marker("after")

    asyncio.run(main())
    # Without the patch of concurrent.futures the jobs belong to the threads that ran them.
    assert all(asyncio_recording.ordered(f"job {i}", "after") for i in range(3))


def test_callbacks_are_actors_of_their_own(asyncio_recording, marker):
    """call_soon, call_later: the creator before the callback, each run an actor."""

    async def main():
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        marker("before")

        def first():
            marker("first")

        def second():
            marker("second")
            done.set()

        loop.call_soon(first)
        loop.call_later(0.001, second)
        marker("later")
        await done.wait()
        marker("after")

    asyncio.run(main())
    recording = asyncio_recording
    assert recording.who("first").endswith("first")
    assert recording.definition(recording.actor("first"))[3] == "callback"
    assert recording.ordered("before", "first")
    assert not recording.ordered("later", "first")
    assert not recording.ordered("first", "second")
    assert recording.ordered("second", "after")


def test_sleeping_makes_no_actors(asyncio_recording):
    """A million sleeps must not be a million actors."""

    async def main():
        for _ in range(50):
            await asyncio.sleep(0)
            await asyncio.sleep(0.00001)

    asyncio.run(main())
    assert len(asyncio_recording.actors()) < 8


def test_another_thread_calls_the_loop(asyncio_recording, marker):
    """call_soon_threadsafe: what the thread did comes before the callback and its waiter."""

    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def work():
            marker("thread")
            loop.call_soon_threadsafe(future.set_result, 1)

        thread = threading.Thread(target=work)
        thread.start()
        await future
        marker("after")
        thread.join()

    asyncio.run(main())
    assert asyncio_recording.ordered("thread", "after")


def test_loops_of_two_threads_are_two_groups(asyncio_recording, marker):
    """Tasks of different threads do run at the same time."""

    def run(label):
        asyncio.run(child(marker, label))

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio_recording.flush()
    kinds = [d for d in asyncio_recording.definitions if d[0] == "actor" and "(child)" in d[2]]
    assert len({d[4] for d in kinds}) == 2


def test_a_task_made_before_its_loop_runs_in_another_thread(asyncio_recording, marker):
    """Its group is that of the thread that runs it."""
    loop = asyncio.new_event_loop()
    marker("before")
    task = loop.create_task(child(marker))
    thread = threading.Thread(target=loop.run_until_complete, args=(task,), name="runner")
    thread.start()
    thread.join()
    loop.close()
    op = next(op for op in asyncio_recording.ops if op.argument == "child ends")
    group = asyncio_recording.definition(op.actor)[4]
    assert asyncio_recording.definition(group)[2] == "runner"
    assert asyncio_recording.ordered("before", "child begins")


@pytest.mark.skipif(not EAGER, reason="eager tasks are new in 3.12")
def test_an_eager_task_that_ends_at_once(asyncio_recording, marker):
    """Its first step runs inside create_task, as its own actor, and lies behind its creator."""

    async def quick():
        marker("quick")
        return 1

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        marker("before")
        task = asyncio.create_task(quick())
        marker("after")
        assert task.done()
        assert await task == 1

    asyncio.run(main())
    assert "(quick)" in asyncio_recording.who("quick")
    assert "(main)" in asyncio_recording.who("after")
    assert asyncio_recording.ordered("before", "quick")
    assert asyncio_recording.ordered("quick", "after")


@pytest.mark.skipif(not EAGER, reason="eager tasks are new in 3.12")
def test_eager_tasks_of_a_class_that_is_not_ours(asyncio_recording, marker):
    """A task that ended before anybody knew of it has no coroutine to be named by."""

    async def quick():
        marker("quick")

    async def main():
        factory = asyncio.create_eager_task_factory(asyncio.tasks._CTask)
        asyncio.get_running_loop().set_task_factory(factory)
        task = asyncio.create_task(quick())
        assert task.done()
        await task

    asyncio.run(main())
    begun, over = (
        [op.subject for op in asyncio_recording.ops if op.name == name] for name in ("FORK", "END")
    )
    assert sorted(begun) == sorted(over)
    main_task, nameless, *_ = asyncio_recording.actors("task")
    assert main_task.endswith(" (main)")
    assert "(" not in nameless


def test_user_task_factory_with_a_strict_signature(asyncio_recording, marker):
    """A factory that takes loop and coroutine only is called with those."""
    made = []

    def factory(loop, coro):
        task = asyncio.Task(coro, loop=loop)
        made.append(task)
        return task

    async def main():
        asyncio.get_running_loop().set_task_factory(factory)
        task = asyncio.create_task(child(marker), name="mine")
        await task
        marker("after")

    asyncio.run(main())
    assert made
    assert asyncio_recording.who("child begins") == "mine (child)"
    assert asyncio_recording.ordered("child ends", "after")


def test_cancellation_and_errors_are_as_before(asyncio_recording, marker):
    """What the program raises and cancels arrives unchanged."""

    async def fail():
        await asyncio.sleep(0)
        raise LookupError("mine")

    async def main():
        task = asyncio.create_task(child(marker, pause=10))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(LookupError, match="mine"):
            await asyncio.create_task(fail())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(10), 0.001)
        with pytest.raises(TypeError, match="coroutine"):
            asyncio.create_task(5)

    asyncio.run(main())


def test_isinstance_is_as_before(asyncio_recording):
    """The names stand for subclasses, and what is made in C is still an instance."""
    import _asyncio

    loop = asyncio.new_event_loop()
    future = _asyncio.Future(loop=loop)
    coroutine = asyncio.sleep(0)
    task = loop.create_task(coroutine)
    assert isinstance(future, asyncio.Future)
    assert issubclass(asyncio.Task, asyncio.Future)
    assert isinstance(task, asyncio.Task)
    assert isinstance(task, asyncio.Future)
    assert isinstance(task, _asyncio.Task)
    assert not isinstance(future, asyncio.Task)
    assert type(task) is asyncio.Task is asyncio.tasks.Task
    assert repr(asyncio.Task) == repr(_asyncio.Task)

    class Mine(asyncio.Future):
        pass

    assert not isinstance(loop.create_future(), Mine)
    loop.run_until_complete(task)
    loop.close()


def test_debug_mode_shows_the_lines_of_the_program(asyncio_recording):
    """Frames of ours are in no "created at"."""

    async def main():
        handle = asyncio.get_running_loop().call_later(10, print)
        assert __file__ in repr(handle)
        handle.cancel()
        task = asyncio.create_task(asyncio.sleep(0))
        assert not any("raceway_autopatch" in frame.filename for frame in task._source_traceback)
        assert task._source_traceback[-1].filename in (__file__, asyncio.tasks.__file__)
        await task

    asyncio.run(main(), debug=True)


def test_started_at_is_the_line_of_the_program(asyncio_recording, marker):
    """A report says where a task was created."""

    async def main():
        await asyncio.create_task(child(marker))

    asyncio.run(main())
    number = asyncio_recording.actor("(child)")
    fork = next(op for op in asyncio_recording.ops if op.name == "FORK" and op.subject == number)
    assert fork.thing is main.__code__


def test_a_thousand_loops_leave_nothing(asyncio_recording):
    """No task, coroutine or callback is kept, also of loops that are closed too early."""
    kept = []

    async def main():
        task = asyncio.create_task(asyncio.sleep(0))
        kept.append(weakref.ref(task))
        kept.append(weakref.ref(asyncio.current_task()))
        await task

    for _ in range(1000):
        asyncio.run(main())
        asyncio_recording.flush()
        asyncio_recording.raw.clear()
        asyncio_recording.definitions.clear()
    loop = asyncio.new_event_loop()
    handle = loop.call_soon(print)
    kept.append(weakref.ref(handle))
    del handle
    loop.close()
    del loop
    gc.collect()
    assert [one for one in kept if one() is not None] == []


def test_undone_completely():
    """After uninstall the classes and functions are the original ones."""
    before = {
        (module.__name__, name): value
        for module in (asyncio, asyncio.tasks, asyncio.futures, asyncio.events, asyncio.base_events)
        for name, value in vars(module).items()
        if not name.startswith("__")
    }
    methods = dict(vars(asyncio.events.Handle)), dict(vars(asyncio.base_events.BaseEventLoop))
    patches = Registry(order=("asyncio",), selection="")
    patches.install()
    assert asyncio.tasks.Task is not before["asyncio.tasks", "Task"]
    patches.uninstall()
    for (module, name), value in before.items():
        assert getattr(sys.modules[module], name) is value
    assert methods == (
        dict(vars(asyncio.events.Handle)),
        dict(vars(asyncio.base_events.BaseEventLoop)),
    )


def test_a_failing_recorder_does_not_reach_the_program(asyncio_recording, marker, monkeypatch):
    """Tasks run and are awaited whatever the making of an actor raises."""

    def broken(*_args, **_kwargs):
        raise RuntimeError("ours")

    async def main():
        monkeypatch.setattr(recorder, "fork_actor", broken)
        with contextlib.suppress(ZeroDivisionError):
            return await asyncio.create_task(child(marker))

    assert asyncio.run(main()) == "child"
    monkeypatch.undo()
    assert asyncio_recording.errors()
    asyncio_recording.definitions.clear()
    recorder.status.errors.clear()
