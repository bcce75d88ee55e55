"""Threads, executors and event loops together, with every patch of the standard library on."""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading

import pytest


@pytest.fixture
def recording(mixed_recording):
    return mixed_recording


def test_jobs_that_ended_before_anybody_looked(recording, marker):
    """Also a job that had ended before asyncio asked for its end comes before its await."""

    async def main():
        loop = asyncio.get_running_loop()
        futures = [loop.run_in_executor(None, marker, f"job {i}") for i in range(4)]
        await asyncio.sleep(0.05)
        for future in futures:
            await future
        marker("after")

    marker("before")
    asyncio.run(main())
    for i in range(4):
        assert recording.ordered("before", f"job {i}")
        assert recording.ordered(f"job {i}", "after")


def test_to_thread(recording, marker):
    """There and back, and tasks that wait for different jobs are not ordered by them."""

    async def ask(name):
        marker(f"{name} asks")
        await asyncio.to_thread(marker, f"{name} job")
        marker(f"{name} has")

    async def main():
        await asyncio.gather(ask("a"), ask("b"))

    asyncio.run(main())
    for one, other in ("ab", "ba"):
        assert recording.ordered(f"{one} asks", f"{one} job")
        assert recording.ordered(f"{one} job", f"{one} has")
        assert not recording.ordered(f"{one} job", f"{other} has")


def test_a_thread_asks_a_loop(recording, marker):
    """run_coroutine_threadsafe: the thread before the coroutine, and the result after it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def answer():
        marker("coroutine")
        await asyncio.sleep(0)
        marker("answered")
        return 5

    marker("asks")
    assert asyncio.run_coroutine_threadsafe(answer(), loop).result(10) == 5
    marker("has")
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert recording.ordered("asks", "coroutine")
    assert recording.ordered("answered", "has")


def test_a_loop_inside_a_job(recording, marker):
    """The tasks of a loop that a worker runs are a group with the job."""

    async def inside():
        marker("inside")

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        marker("before")
        pool.submit(lambda: asyncio.run(inside())).result()
        marker("after")
    assert recording.ordered("before", "inside")
    assert recording.ordered("inside", "after")
    assert "(inside)" in recording.who("inside")


def test_a_thread_queue_between_tasks_and_threads(recording, marker):
    """What a task puts is ordered before the thread that gets it, not before its later steps."""
    items = queue.Queue()

    def consume():
        items.get()
        marker("got")

    async def main():
        thread = threading.Thread(target=consume)
        thread.start()
        await asyncio.sleep(0)
        marker("put")
        items.put(1)
        marker("later")
        await asyncio.sleep(0)
        thread.join()
        marker("joined")

    asyncio.run(main())
    assert recording.ordered("put", "got")
    assert not recording.ordered("later", "got")
    assert recording.ordered("got", "joined")


def test_an_unawaited_task_is_over_when_the_loop_is(recording, marker):
    """A thread that is started after asyncio.run comes after all that ended in it."""

    async def background():
        marker("background")

    async def main():
        task = asyncio.create_task(background())
        await asyncio.sleep(0.001)
        del task

    asyncio.run(main())
    thread = threading.Thread(target=marker, args=("thread",))
    thread.start()
    thread.join()
    assert recording.ordered("background", "thread")
