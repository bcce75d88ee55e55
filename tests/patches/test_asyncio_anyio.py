"""anyio on asyncio: its locks, streams and task groups, and two calls in one worker thread."""

from __future__ import annotations

import asyncio

import pytest

anyio = pytest.importorskip("anyio")
to_thread = pytest.importorskip("anyio.to_thread")


@pytest.fixture
def recording(anyio_recording):
    return anyio_recording


@pytest.mark.parametrize("make", [anyio.Lock, lambda: anyio.Semaphore(1)])
def test_a_lock_is_held_inside_and_nowhere_else(recording, marker, make):
    async def main():
        lock = make()
        marker("before")
        async with lock:
            marker("inside")
        lock.acquire_nowait()
        marker("inside again")
        lock.release()
        marker("after")

    anyio.run(main)
    held = recording.held()
    assert held["before"] == held["after"] == ()
    assert len(held["inside"]) == 1
    assert held["inside"] == held["inside again"]


def test_a_cancelled_acquire_holds_nothing(recording, marker):
    async def main():
        lock = anyio.Lock()
        with anyio.move_on_after(0) as scope:
            scope.cancel()
            await lock.acquire()
        marker("cancelled")
        async with lock:
            marker("inside")

    anyio.run(main)
    held = recording.held()
    assert held["cancelled"] == ()
    assert len(held["inside"]) == 1


@pytest.mark.parametrize("room", [0, 5])
def test_an_item_comes_after_its_send(recording, marker, room):
    """Whether it was handed over directly or lay in the buffer; the next item says nothing."""

    async def main():
        send, receive = anyio.create_memory_object_stream(room)

        async def sender():
            marker("sends one")
            await send.send(object())
            marker("sends two")
            await send.send(object())

        async def receiver():
            await receive.receive()
            marker("has one")
            await receive.receive()
            marker("has two")

        async with send, receive, anyio.create_task_group() as group:
            group.start_soon(sender)
            group.start_soon(receiver)

    anyio.run(main)
    assert recording.ordered("sends one", "has one")
    assert recording.ordered("sends two", "has two")
    assert not recording.ordered("sends two", "has one")


def test_a_group_waits_for_all_children(recording, marker):
    async def child(name, steps):
        for _ in range(steps):
            await asyncio.sleep(0)
        marker(name)

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(child, "short", 1)
            group.start_soon(child, "long", 9)
        marker("after")

    anyio.run(main)
    assert recording.ordered("short", "after")
    assert recording.ordered("long", "after")
    assert not recording.ordered("short", "long")


def test_two_calls_in_one_worker_are_concurrent(recording, marker):
    async def call(name):
        marker(f"{name} asks")
        await to_thread.run_sync(marker, f"{name} works")
        marker(f"{name} has")

    async def main():
        first = asyncio.create_task(call("a"))
        second = asyncio.create_task(later("b", first))
        await asyncio.wait({first, second})

    async def later(name, other):
        while other._state == "PENDING":  # what done() would tell is an edge
            await asyncio.sleep(0)
        await call(name)

    anyio.run(main)
    for name in "ab":
        assert recording.ordered(f"{name} asks", f"{name} works")
        assert recording.ordered(f"{name} works", f"{name} has")
    assert not recording.ordered("a works", "b works")
