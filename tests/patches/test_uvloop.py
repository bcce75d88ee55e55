"""uvloop: its tasks, timers and callbacks are actors, and the program sees none of that."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from raceway_autopatch.registry import Registry

uvloop = pytest.importorskip("uvloop")


@pytest.fixture
def recording(mixed_recording):
    return mixed_recording


@pytest.fixture
def loop(recording):
    """A loop that was made after the patches."""
    made = uvloop.new_event_loop()
    yield made
    made.close()


def test_two_tasks_are_concurrent_until_both_are_awaited(recording, loop, marker):
    async def child(name):
        marker(f"{name} begins")
        await asyncio.sleep(0)
        marker(f"{name} ends")

    async def main():
        marker("before")
        await asyncio.gather(child("a"), child("b"))
        marker("after")

    loop.run_until_complete(main())
    marker("thread")
    for one, other in ("ab", "ba"):
        assert recording.ordered("before", f"{one} begins")
        assert recording.ordered(f"{one} ends", "after")
        assert not recording.ordered(f"{one} begins", f"{other} ends")
    assert recording.ordered("after", "thread")


@pytest.mark.parametrize("way", ["call_soon", "call_later", "call_at", "call_soon_threadsafe"])
def test_a_callback_comes_after_who_asked_for_it(recording, loop, marker, way):
    """And is an actor of its own: the next callback is not ordered after it."""

    def ask(name):
        first = {"call_later": (0.001,), "call_at": (loop.time() + 0.001,)}.get(way, ())
        getattr(loop, way)(*first, marker, name)

    async def main():
        marker("asks")
        ask("one")
        ask("two")
        marker("has asked")
        await asyncio.sleep(0.01)

    loop.run_until_complete(main())
    assert recording.ordered("asks", "one")
    assert not recording.ordered("one", "two")
    assert not recording.ordered("has asked", "one")


def test_a_reader_comes_after_who_added_it(recording, loop, marker):
    ours, theirs = socket.socketpair()

    async def main():
        came = loop.create_future()

        def readable():
            loop.remove_reader(ours)
            marker("reads")
            came.set_result(None)

        marker("adds")
        loop.add_reader(ours, readable)
        theirs.send(b"x")
        await came
        marker("knows")

    with ours, theirs:
        loop.run_until_complete(main())
    assert recording.ordered("adds", "reads")
    assert recording.ordered("reads", "knows")


def test_a_thread_makes_a_task(recording, loop, marker):
    """By handing create_task itself to the loop."""

    async def child():
        marker("child")
        loop.stop()

    def ask():
        marker("asks")
        loop.call_soon_threadsafe(loop.create_task, child())

    thread = threading.Thread(target=ask)
    thread.start()
    loop.run_forever()
    thread.join()
    assert recording.ordered("asks", "child")


def test_what_a_callback_raises_is_told_with_its_name(recording, loop):
    told = []
    loop.set_exception_handler(lambda _, context: told.append(context))

    def fails():
        raise ZeroDivisionError

    loop.call_soon(fails)
    loop.run_until_complete(asyncio.sleep(0))
    assert isinstance(told[0]["exception"], ZeroDivisionError)
    assert "fails" in told[0]["message"]


def test_what_uvloop_refuses_is_still_refused(recording, loop):
    async def handler():
        pass

    with pytest.raises(TypeError):
        loop.add_signal_handler(10, handler)


def test_undone_completely():
    before = dict(vars(uvloop.Loop))
    patches = Registry(order=("asyncio",), selection="")
    patches.install()
    assert "call_soon" in vars(uvloop.Loop)
    patches.uninstall()
    assert dict(vars(uvloop.Loop)) == before
