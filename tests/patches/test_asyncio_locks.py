"""asyncio.locks and asyncio.queues: mutual exclusion, signals and items."""

from __future__ import annotations

import asyncio
import sys

import pytest


def definitions(recording):
    recording.flush()
    return [d for d in recording.definitions if d[0] == "lock"]


def test_a_lock_is_held_and_orders_nothing_by_itself(asyncio_recording, marker):
    """Critical sections have a common lock, and a contended release is no edge."""

    async def worker(lock, name):
        marker(f"{name} before")
        async with lock:
            marker(f"{name} inside")
            await asyncio.sleep(0)
        marker(f"{name} after")

    async def main():
        lock = asyncio.Lock()
        await asyncio.gather(worker(lock, "a"), worker(lock, "b"))

    asyncio.run(main())
    (lock,) = definitions(asyncio_recording)
    assert lock[2] == "asyncio.Lock"
    assert lock[4].co_name == "main"
    held = asyncio_recording.held()
    assert held["a inside"] == held["b inside"] == (lock[1],)
    assert held["a before"] == held["a after"] == ()
    assert not asyncio_recording.ordered("a before", "b after")
    sites = {op.thing.co_name for op in asyncio_recording.ops if op.name in ("ACQUIRE", "RELEASE")}
    assert sites == {"worker"}


@pytest.mark.parametrize("kind", ["Semaphore", "BoundedSemaphore"])
def test_a_semaphore_of_one_is_a_lock(asyncio_recording, marker, kind):
    """Semaphore(1) protects as a lock does; Semaphore(2) does not."""

    async def worker(semaphore, name):
        async with semaphore:
            marker(name)
            await asyncio.sleep(0)

    async def main():
        one, two = getattr(asyncio, kind)(1), getattr(asyncio, kind)(2)
        await asyncio.gather(worker(one, "a"), worker(one, "b"), worker(two, "c"))

    asyncio.run(main())
    held = asyncio_recording.held()
    assert held["a"] == held["b"] != ()
    assert held["c"] == ()
    assert not asyncio_recording.ordered("a", "b")


def test_a_semaphore_that_signals(asyncio_recording, marker):
    """Semaphore(0): release comes before the acquire that it lets through."""

    async def waiter(semaphore):
        await semaphore.acquire()
        marker("acquired")

    async def main():
        semaphore = asyncio.Semaphore(0)
        task = asyncio.create_task(waiter(semaphore))
        await asyncio.sleep(0)
        marker("released")
        semaphore.release()
        await task

    asyncio.run(main())
    assert asyncio_recording.ordered("released", "acquired")


def test_a_condition(asyncio_recording, marker):
    """notify comes before the wait that it wakes; the lock is not held while waiting."""

    async def waiter(condition):
        async with condition:
            await condition.wait()
            marker("woken")

    async def main():
        condition = asyncio.Condition()
        task = asyncio.create_task(waiter(condition))
        await asyncio.sleep(0)
        async with condition:
            marker("notify")
            condition.notify()
        await task

    asyncio.run(main())
    assert asyncio_recording.ordered("notify", "woken")
    held = asyncio_recording.held()
    assert held["notify"] == held["woken"] != ()
    assert any(op.name == "NOTIFY" for op in asyncio_recording.ops)


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("ask", ["wait", "is_set"])
def test_an_event(asyncio_recording, marker, waits, ask):
    """set comes before whoever saw it, woken or not."""

    async def setter(event):
        marker("set")
        event.set()

    async def main():
        event = asyncio.Event()
        task = asyncio.create_task(setter(event))
        if not waits:
            await asyncio.sleep(0)
        if ask == "wait":
            await event.wait()
        else:
            while not event.is_set():
                await asyncio.sleep(0)
        marker("seen")
        await task

    asyncio.run(main())
    assert asyncio_recording.ordered("set", "seen")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.Barrier is new in 3.11")
def test_a_barrier(asyncio_recording, marker):
    """All arrivals come before all departures."""

    async def worker(barrier, name):
        marker(f"{name} arrives")
        await barrier.wait()
        marker(f"{name} departs")

    async def main():
        barrier = asyncio.Barrier(3)
        await asyncio.gather(*(worker(barrier, name) for name in "abc"))

    asyncio.run(main())
    for one in "abc":
        for other in "abc":
            assert asyncio_recording.ordered(f"{one} arrives", f"{other} departs")


@pytest.mark.parametrize("kind", ["Queue", "LifoQueue", "PriorityQueue"])
def test_an_item_carries_what_came_before_its_put(asyncio_recording, marker, kind):
    """The get of an item is ordered after the put of that item, and not of another."""

    async def producer(queue, item):
        marker(f"put {item}")
        await queue.put(item)

    async def main():
        queue = getattr(asyncio, kind)()
        tasks = [asyncio.create_task(producer(queue, item)) for item in (1, 2)]
        await asyncio.sleep(0)

        async def consumer():
            item = await queue.get()
            marker(f"got {item}")

        consumers = [asyncio.create_task(consumer()) for _ in range(2)]
        await asyncio.wait([*tasks, *consumers])

    asyncio.run(main())
    for item in (1, 2):
        assert asyncio_recording.ordered(f"put {item}", f"got {item}")
        assert not asyncio_recording.ordered(f"put {item}", f"got {3 - item}")


def test_join_of_a_queue(asyncio_recording, marker):
    """Every task_done comes before the join."""

    async def consumer(queue):
        while True:
            item = await queue.get()
            marker(f"done {item}")
            queue.task_done()

    async def main():
        queue = asyncio.Queue()
        for item in range(4):
            queue.put_nowait(item)
        tasks = [asyncio.create_task(consumer(queue)) for _ in range(2)]
        await queue.join()
        marker("joined")
        for task in tasks:
            task.cancel()

    asyncio.run(main())
    assert all(asyncio_recording.ordered(f"done {item}", "joined") for item in range(4))


def test_the_same_object_many_times(asyncio_recording):
    """Nothing is kept of what was got, and a full queue keeps its books."""

    async def main():
        queue = asyncio.Queue(2)
        for _ in range(100):
            queue.put_nowait(None)
            queue.put_nowait(None)
            with pytest.raises(asyncio.QueueFull):
                queue.put_nowait(None)
            assert queue.get_nowait() is None
            assert queue.get_nowait() is None
            with pytest.raises(asyncio.QueueEmpty):
                queue.get_nowait()
        return queue

    queue = asyncio.run(main())
    assert queue._raceway_items.by_item == {}
    assert len(queue._raceway_items.unused) == 3


def test_a_queue_that_changes_its_items(asyncio_recording):
    """An overridden _put and _get neither fail nor leak."""

    class Wrapping(asyncio.Queue):
        def _put(self, item):
            super()._put([item])

        def _get(self):
            return super()._get()[0] + 1000

    async def main():
        queue = Wrapping()
        for item in range(2000, 2050):
            await queue.put(item)
        assert [await queue.get() for _ in range(50)] == list(range(3000, 3050))
        return queue

    assert asyncio.run(main())._raceway_items.by_item == {}


def test_errors_are_as_before(asyncio_recording):
    """Releases without acquire raise what they raised, and are not recorded."""

    async def main():
        with pytest.raises(RuntimeError, match="Lock is not acquired"):
            asyncio.Lock().release()
        with pytest.raises(ValueError, match="BoundedSemaphore released too many times"):
            asyncio.BoundedSemaphore(1).release()
        with pytest.raises(ValueError, match="too many times"):
            asyncio.Queue().task_done()
        with pytest.raises(ValueError, match=">= 0"):
            asyncio.Semaphore(-1)
        lock = asyncio.Lock()
        await lock.acquire()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(lock.acquire(), 0.001)
        lock.release()

    asyncio.run(main())
    names = [op.name for op in asyncio_recording.ops if op.name in ("ACQUIRE", "RELEASE")]
    assert names == ["ACQUIRE", "RELEASE"]
