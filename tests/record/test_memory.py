"""What the recorder keeps in the program's memory does not grow with what the program does."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

HEAD = """
import asyncio, concurrent.futures, gc, json, queue, sys, threading, weakref
from collections import deque
from raceway.record import recorder
from raceway.record.oplog import OpLog
from raceway_autopatch.registry import Registry
import raceway

class Nowhere(OpLog):
    def _append(self, data):
        pass

recorder.start(Nowhere("nowhere"))
Registry().install()
"""
TAIL = """
def held():
    gc.collect()
    for _ in range(2):  # what the first chunk refers to is free to die after it
        box.value += 1
        recorder.flush()
    # Who has started which greenlet is kept in a bounded list, which is not full yet.
    recorder.local.__dict__.pop("greenlets", None)
    return sum(len(one) for one in gc.get_objects() if type(one) in (list, dict, set, deque))

work(600)
few = held()
work(TIMES)
many = held()
assert dict(recorder.status.errors) == {}, recorder.status.errors
print(json.dumps([few, many]))
"""
WORK = {
    "trio": (
        2000,
        """
        def work(times):
            import trio

            async def run(lock, send, limiter):
                async with lock:
                    box.value += 1
                await send.send(box)
                if box.value % 10 == 0:
                    await trio.to_thread.run_sync(int, limiter=limiter)

            async def main():
                for _ in range(times // 20):
                    send, receive = trio.open_memory_channel(0)
                    lock, limiter = trio.Lock(), trio.CapacityLimiter(1)
                    async with trio.open_nursery() as nursery:
                        for _ in range(20):
                            nursery.start_soon(run, lock, send, limiter)
                        for _ in range(20):
                            await receive.receive()
                        called = trio.Event()
                        trio.lowlevel.current_trio_token().run_sync_soon(called.set)
                        await called.wait()

            trio.run(main)
        """,
    ),
    "threads": (
        2000,
        """
        def run():
            with lock:
                box.value += 1

        def work(times):
            for _ in range(times):
                thread = threading.Thread(target=run)
                thread.start()
                thread.join()
        """,
    ),
    "raw threads": (
        2000,
        """
        import _thread

        def run(done):
            box.value += 1
            done.release()

        def work(times):
            for _ in range(times):
                done = _thread.allocate_lock()
                done.acquire()
                _thread.start_new_thread(run, (done,))
                done.acquire()
        """,
    ),
    "tasks": (
        3000,
        """
        async def run():
            box.value += 1
            await asyncio.sleep(0)

        async def many(times):
            for _ in range(times // 10):
                await asyncio.gather(*(run() for _ in range(10)))

        def work(times):
            asyncio.run(many(times))
        """,
    ),
    "loops": (
        600,
        """
        kept = []  # or the collector could take the task before it is cancelled

        async def main():
            queue = asyncio.Queue()
            asyncio.get_running_loop().call_later(60, print)
            kept[:] = [asyncio.create_task(queue.get())]
            await asyncio.sleep(0)
            box.value += 1

        def work(times):
            for _ in range(times // 2):
                asyncio.run(main())
                loop = asyncio.new_event_loop()
                loop.call_soon(print)
                loop.close()
        """,
    ),
    "jobs": (
        2000,
        """
        def run(number):
            box.value += 1

        def work(times):
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                for _ in range(times // 20):
                    list(pool.map(run, range(20)))
        """,
    ),
    "queues": (
        3000,
        """
        def work(times):
            for _ in range(times):
                line, simple = queue.Queue(3), queue.SimpleQueue()
                line.put(1)
                line.get()
                line.put(2)
                simple.put(3)
        """,
    ),
    "locks that are never taken": (
        8000,
        """
        def work(times):
            for _ in range(times):
                threading.Lock(), threading.RLock(), threading.Event(), threading.Condition()
        """,
    ),
    "objects": (
        3000,
        """
        class Item:
            def __init__(self):
                self.value = 0

        def work(times):
            for _ in range(times):
                item = raceway.watch(Item(), name="item")
                item.value += 1
                item.other = []
        """,
    ),
    "objects with slots": (
        3000,
        """
        class Item:
            __slots__ = ("__weakref__", "value")

        def work(times):
            for _ in range(times):
                item = raceway.watch(Item(), name="item")
                item.value = 1
        """,
    ),
    "objects of a watched class": (
        8000,
        """
        @raceway.watch
        class Item:
            def __init__(self):
                self.value = 0

        def work(times):
            for _ in range(times):
                Item().value += 1
        """,
    ),
    "containers": (
        3000,
        """
        def work(times):
            for _ in range(times):
                raceway.watch({"a": [1]}, name="table")["a"].append(1)
                raceway.watch({1}, name="members").add(2)
        """,
    ),
    "classes": (
        2000,
        """
        def work(times):
            for _ in range(times):
                class Item:
                    def __init__(self):
                        self.value = 0

                item = raceway.watch(Item(), name="item")
                item.value += 1

                @raceway.watch
                class Other:
                    pass

                Other().value = item
        """,
    ),
    "code": (
        2000,
        """
        def work(times):
            for number in range(times):
                names = {"box": box, "threading": threading}
                exec(f"lock = threading.Lock()\\nwith lock: box.value = {number}", names)
        """,
    ),
    "switches": (
        8000,
        """
        import gevent

        def run():
            for _ in range(100):
                gevent.sleep(0)

        def work(times):
            for _ in range(times // 400):
                gevent.joinall([gevent.spawn(run) for _ in range(4)])
        """,
    ),
    "requests": (
        300,
        """
        import socket

        def work(times):
            for _ in range(times):
                near, far = socket.socketpair()
                near.send(b"x")
                far.recv(1)
                near.close()
                far.close()
        """,
    ),
}


def run(program, times):
    box = """
class Box:
    value = 0

box = raceway.watch(Box(), name="box")
lock = threading.Lock()
"""
    text = HEAD + box + textwrap.dedent(program) + TAIL.replace("TIMES", str(times))
    env = {name: text for name, text in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", text],
        env=env, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", WORK)
def test_nothing_piles_up(name):
    times, program = WORK[name]
    few, many = run(program, times)
    assert many - few < times / 10
