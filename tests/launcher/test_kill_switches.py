"""Switching Raceway off: from the start, in part, and in the middle of a running program."""

import json

import pytest

PREAMBLE = """
import asyncio, asyncio.base_events, concurrent.futures.thread, heapq, os, queue, sched, signal
import socket, socketserver, ssl, sys, threading, _thread
import gevent, gevent.baseserver, gevent.event, gevent.lock, gevent.pool, gevent.queue
import gevent.threadpool, greenlet
import flask, requests, anyio._backends._asyncio
import raceway, raceway.client, raceway_autopatch

TOPS = {"asyncio", "concurrent", "heapq", "os", "queue", "sched", "signal", "socket", "ssl",
        "socketserver", "threading", "_thread", "gevent", "greenlet", "flask", "requests", "anyio"}
NAMES = [name for name in sys.modules if name.partition(".")[0] in TOPS] + ["raceway.client"]
# What belongs to the running program: its first event loop and its first hub.
MOVED = {("asyncio.events", "_event_loop_policy"), ("Hub", "_hub_counter")}


def look():
    seen = {"path": list(sys.meta_path), "TERM": signal.getsignal(15), "env": dict(os.environ),
            "trace": greenlet.gettrace()}
    for name in NAMES:
        for key, value in list(vars(sys.modules[name]).items()):
            if key.startswith("__"):
                continue
            seen[name, key] = value
            if isinstance(value, type):
                for attribute, inner in list(vars(value).items()):
                    if attribute not in ("__dict__", "__weakref__", "_abc_impl"):
                        seen[name, key, attribute] = inner
    return seen


def differences(before, after):
    return [key for key in before.keys() | after.keys() if key[-2:] not in MOVED
            and before.get(key, look) is not after.get(key, look)
            and (not isinstance(key, str) or before[key] != after[key])]


greenlet.getcurrent()
before = look()
raceway_autopatch.install()
assert len(differences(before, look())) > 100
"""

ALIVE = (
    PREAMBLE
    + """
class Account:
    balance = 0


account = raceway.watch(Account(), name="account")
items = raceway.watch({"a": 1}, name="items")
lock, rlock, cond = threading.Lock(), threading.RLock(), threading.Condition()
event, permits, mutex = threading.Event(), threading.Semaphore(2), threading.Semaphore()
barrier, jobs, simple = threading.Barrier(2), queue.Queue(1), queue.SimpleQueue()
green_lock, green_event, green_jobs = gevent.lock.RLock(), gevent.event.Event(), gevent.queue.Queue()
reached = queue.SimpleQueue()


def work():
    with lock:
        account.balance += 1
    with cond:
        reached.put(True)
        cond.wait()
        account.balance += 1
        items["b"] = 2
    event.wait()
    with permits, mutex, rlock:
        barrier.wait()
    simple.put(jobs.get())
    jobs.task_done()
    with lock:
        account.balance += 1


def green():
    with green_lock:
        green_event.wait()
        account.balance += 1
    return green_jobs.get()


async def task(lock, event, jobs):
    async with lock:
        await event.wait()
    items["c"] = await jobs.get()
    jobs.task_done()
    return "task"


async def main(loop):
    lock, event, jobs = asyncio.Lock(), asyncio.Event(), asyncio.Queue()
    running, future = loop.create_task(task(lock, event, jobs)), loop.create_future()
    await asyncio.sleep(0)
    # Alive by now: a thread, a job, a greenlet, a task; a lock is held, a condition waited for.
    raceway_autopatch.uninstall()
    assert differences(before, look()) == []
    event.set()
    jobs.put_nowait(3)
    loop.call_soon(future.set_result, 1)
    assert [await running, await future, await asyncio.gather(asyncio.sleep(0, 5))] == ["task", 1, [5]]
    await jobs.join()


thread = threading.Thread(target=work)
thread.start()
reached.get()
with cond:
    pass  # it waits by now
pool, block = concurrent.futures.ThreadPoolExecutor(1), threading.Event()
job = pool.submit(block.wait)
greenlet_ = gevent.spawn(green)
gevent.sleep(0)
rlock.acquire()
loop = asyncio.new_event_loop()
loop.run_until_complete(main(loop))
loop.close()
rlock.release()
with cond:
    cond.notify_all()
event.set()
jobs.put("item")
barrier.wait()
thread.join()
jobs.join()
block.set()
assert job.result() is True and pool.submit(len, "abc").result() == 3
pool.shutdown()
green_event.set()
green_jobs.put(7)
assert greenlet_.get() == 7
assert (account.balance, items, simple.get()) == (4, {"a": 1, "c": 3, "b": 2}, "item")
assert not lock.locked()

from raceway.record import recorder

assert not recorder.is_active()
with rlock, lock, permits, mutex, cond:
    recorder.BUFFER.clear()
for _ in range(2 * recorder.CHUNK_ITEMS):
    with lock:
        pass
assert len(recorder.BUFFER) <= 2 * recorder.CHUNK_ITEMS, "what nobody wants is not kept"
os.environ["RACEWAY_REPORT"] = before["env"]["RACEWAY_REPORT"] = "second.json"
raceway_autopatch.install()
fresh = raceway.watch(Account(), name="fresh")


def add():
    fresh.balance += 1
    with lock:
        account.balance += 1


threads = [threading.Thread(target=add) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
raceway_autopatch.uninstall()
assert differences(before, look()) == []
print(fresh.balance, account.balance)
"""
)


def test_uninstall_in_the_middle_of_everything(bench):
    pytest.importorskip("gevent")
    pytest.importorskip("anyio")
    bench.write("app.py", ALIVE)

    outcome = bench.bare("app.py", env={"RACEWAY_PATCH": ""})

    assert (outcome.status, outcome.out) == (0, "2 6\n"), outcome.err
    assert "Traceback" not in outcome.err
    report = json.loads((bench.folder / "second.json").read_text())
    assert {finding["variable"] for finding in report["findings"]} == {"fresh.balance"}
    assert report["counts"]["internal_errors"] == 0
    assert bench.left_over() == []


PRINT = "import threading; print(type(threading.Lock()).__name__)"


def test_unknown_patches_are_named(bench):
    bench.write("app.py", f"import raceway_autopatch\nraceway_autopatch.install()\n{PRINT}")

    outcome = bench.bare("app.py", env={"RACEWAY_PATCH": "-gevnt,-threading"})

    assert (outcome.status, outcome.out) == (0, "lock\n")
    assert "there is no 'gevnt', it is passed over; give threading, " in outcome.err
    assert "'threading'" not in outcome.err


@pytest.mark.parametrize("name", ["threading", "asyncio", "raceway_client"])
def test_each_patch_can_be_left_out(bench, name):
    bench.write(
        "app.py",
        """
        import importlib, sys
        from raceway_autopatch.registry import PATCHED
        for modules in PATCHED.values():
            for module in modules:
                try:
                    importlib.import_module(module)
                except ImportError:
                    pass
        print([name for name in PATCHED if "raceway_autopatch.patches." + name in sys.modules])
        """,
    )

    outcome = bench.launched("app.py", env={"RACEWAY_PATCH": f"-{name}"})

    assert outcome.status == 0, outcome.err
    assert f"'{name}'" not in outcome.out
    assert "'queue'" in outcome.out or "'threading'" in outcome.out
