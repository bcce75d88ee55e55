"""The program of stress.py, which see.

    python stress_program.py TRUTH SECONDS ROUNDS

Writes into the file TRUTH what it has done.
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures.thread  # before the first fork: it has functions that run at each
import gc
import importlib
import itertools
import json
import os
import queue
import sched  # noqa: F401 - reloaded later
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from pathlib import Path

import raceway

KINDS = (
    "worker", "main", "job", "task", "greenlet", "thread", "final", "handler", "code", "child",
    "leaf",
)  # fmt: skip
WORKER, MAIN, JOB, TASK, GREENLET, THREAD, FINAL, HANDLER, CODE, CHILD, LEAF = range(len(KINDS))
STEPS = 3
"""Steps of a lane that is not that of a worker or of the main thread."""
KIND_BITS, LANE_BITS = 56, 24
TICK = 0.01
PATIENCE = 60.0
"""Seconds after which a child counts as hung."""


# ---------------------------------------------------------------- the world


class Shared:
    def __init__(self):
        self.mark = 0


class Slotted:
    __slots__ = ("mark",)

    def __init__(self):
        self.mark = 0


shared = raceway.watch(Shared(), name="shared")
slotted = raceway.watch(Slotted(), name="slotted")
table = raceway.watch(dict.fromkeys(range(16), 0), name="table")
row = raceway.watch([0] * 16, name="row")
members = raceway.watch(set(range(16)), name="members")
line = raceway.watch(collections.deque(range(4)), name="line")

locks = [threading.Lock() for _ in range(3)]
final_lock = threading.RLock()
signal_lock = threading.RLock()
condition = threading.Condition()
jobs: queue.Queue = queue.Queue(maxsize=8)
notes: queue.SimpleQueue = queue.SimpleQueue()

home = [os.getpid(), threading.get_ident()]
"""The process in which all began, or a forked child, and the main thread."""
next_lane = [itertools.count(1).__next__ for _ in KINDS]
long_lanes: list = []
"""Kind, lane, steps, and the numbers of the steps that were interrupted."""
failures: list = []
stop = threading.Event()


def step(kind, lane, number):
    value = kind << KIND_BITS | lane << LANE_BITS | number
    place = (lane + number) % 4
    if place == 0:
        shared.mark = value
    elif place == 1:
        slotted.mark = value
    elif place == 2:
        table[lane % 16] = value
    else:
        row[lane % 16] = value
    line.append(number)
    members.add(lane % 16)
    len(table)
    line.popleft()


def short_lane(kind, lock=None):
    lane = next_lane[kind]()
    for number in range(1, STEPS + 1):
        if lock is None:
            step(kind, lane, number)
        else:
            with lock:
                step(kind, lane, number)
    return lane


# ---------------------------------------------------------------- finalisers and signals


class InterruptionError(ValueError):
    """A kind of error that the recorder itself might expect."""


class Signals:
    """When the signal handler raises, and how often.

    Attributes:
        armed: Who runs in the main thread catches it.
        quiet: Above 0 nobody could: a finaliser runs, or the handler itself.
    """

    armed = False
    quiet = raised = caught = 0
    where = ""


class Doomed:
    def __init__(self):
        self.me = self  # only the garbage collector can end this

    def __del__(self):
        main = threading.get_ident() == home[1]
        if main:
            Signals.quiet += 1
        # A forked child may have been born while another thread held the lock.
        short_lane(FINAL, final_lock if os.getpid() == home[0] else None)
        if main:
            Signals.quiet -= 1


def handler(_number, frame):
    Signals.quiet += 1
    taken = signal_lock.acquire(blocking=False)
    short_lane(HANDLER)
    if taken:
        signal_lock.release()
    raises = Signals.armed and Signals.quiet == 1
    if raises:
        Signals.armed = False  # the next signal may come before this one has raised
        Signals.raised += 1
        Signals.where = " < ".join(one.name for one in traceback.extract_stack(frame)[::-1])
    Signals.quiet -= 1
    if raises:
        raise InterruptionError


# ---------------------------------------------------------------- who works


def contained(work):
    def run(*arguments):
        try:
            work(*arguments)
        except BaseException as error:
            failures.append(f"{work.__name__}: {type(error).__name__}: {error}")
            raise

    return run


@contained
def worker(turns, number):
    lane = next_lane[WORKER]()
    count = 0
    for turn in turns:
        with locks[turn % len(locks)]:
            count += 1
            step(WORKER, lane, count)
        Doomed()
        if turn % 4 == number:
            jobs.put(turn)
            with condition:
                condition.notify()
            notes.put(turn)
        if turn % 16 == number:
            thread = threading.Thread(target=short_lane, args=(THREAD, locks[0]))
            thread.start()
            thread.join()
    long_lanes.append((WORKER, lane, count, []))


@contained
def consumer(_turns):
    while not stop.is_set():
        with condition:
            condition.wait(0.02)
        while True:
            try:
                jobs.get_nowait()
                jobs.task_done()
                notes.get(timeout=1)
            except queue.Empty:
                break
        Doomed()


@contained
def submitter(turns):
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for _ in turns:
            list(pool.map(short_lane, [JOB] * 4, [locks[1]] * 4))


async def task(lock):
    lane = next_lane[TASK]()
    for number in range(1, STEPS + 1):
        async with lock:
            step(TASK, lane, number)
            await asyncio.sleep(0)


async def tasks():
    lock = asyncio.Lock()
    await asyncio.gather(*(task(lock) for _ in range(5)))


@contained
def loops(turns):
    for _ in turns:
        asyncio.run(tasks())


def greenlet():
    import gevent

    lane = next_lane[GREENLET]()
    for number in range(1, STEPS + 1):
        step(GREENLET, lane, number)
        gevent.sleep(0)


@contained
def hub(turns):
    import gevent.pool

    pool = gevent.pool.Pool(4)
    for _ in turns:
        for _ in range(4):
            pool.spawn(greenlet)
        pool.join()
    gevent.get_hub().destroy(destroy_loop=True)


MODULE = """
def act_{lane}(place, value):
    place.mark = value
"""


@contained
def importer(turns):
    folder = tempfile.mkdtemp()
    sys.path.insert(0, folder)
    for turn in turns:
        lane = next_lane[CODE]()
        name = f"stress_{turn}"
        Path(folder, f"{name}.py").write_text(MODULE.format(lane=lane))
        importlib.invalidate_caches()
        module = importlib.import_module(name)
        act(module.__dict__, lane, 1)
        importlib.reload(module)
        act(module.__dict__, lane, 2)
        del sys.modules[name]
        namespace: dict = {}
        exec(MODULE.format(lane=lane), namespace)
        act(namespace, lane, 3)
        if turn % 8 == 0:
            importlib.reload(sys.modules["sched"])
            importlib.reload(sys.modules["queue"])
    shutil.rmtree(folder)


def act(namespace, lane, number):
    """Make a step whose stamp is stored by code that does not live long."""
    value = CODE << KIND_BITS | lane << LANE_BITS | number
    namespace[f"act_{lane}"](shared, value)
    line.append(number)
    members.add(lane % 16)
    len(table)
    line.popleft()


def child_work(lane):
    final_lock._at_fork_reinit()
    home[0] = os.getpid()
    lock = threading.Lock()
    gc.set_threshold(700)  # it has inherited all the garbage of its parent
    thread = threading.Thread(target=short_lane, args=(FINAL, lock))
    thread.start()
    for number in range(1, STEPS + 1):
        with lock:
            step(CHILD, lane, number)
    thread.join()


def wait_for(pid):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "hung"


@contained
def forker(turns):
    for _ in turns:
        lane = next_lane[CHILD]()
        pid = os.fork()
        if pid == 0:
            try:
                child_work(lane)
            except BaseException as error:
                os.write(2, f"child: {error!r}\n".encode())
                os._exit(1)
            os._exit(0)
        ended = wait_for(pid)
        if ended != 0:
            failures.append(f"forked child {pid}: {ended}")


@contained
def launcher(turns):
    for turn in turns:
        if turn % 4 == 0:
            lane = next_lane[LEAF]()
            done = subprocess.run(
                [sys.executable, __file__, "leaf", str(lane)], timeout=PATIENCE, check=False
            )
            if done.returncode:
                failures.append(f"subprocess: {done.returncode}")
        time.sleep(0.05)


def main_lane(turns):
    lane = next_lane[MAIN]()
    count = 0
    interrupted = []
    for turn in turns:
        # Calm times, with more ops and more chances to be interrupted, and times of chaos.
        gc.set_threshold(700 if turn // 8 % 2 else 1)
        try:
            Signals.armed = True
            for _ in range(50):
                count += 1
                step(MAIN, lane, count)
                Doomed()
            Signals.armed = False
        except InterruptionError:
            Signals.armed = False
            Signals.caught += 1
            interrupted.append(count)
        if Signals.raised != Signals.caught:
            failures.append(f"an exception was swallowed in {Signals.where}")
            Signals.caught = Signals.raised
        time.sleep(0.001)
    long_lanes.append((MAIN, lane, count, interrupted))


class Turns:
    """Numbers, until it is time to stop."""

    def __init__(self, seconds, rounds):
        self.deadline = time.monotonic() + seconds if seconds else None
        self.rounds = rounds

    def __iter__(self):
        for number in itertools.count():
            if self.deadline is None:
                if number >= self.rounds:
                    return
            elif time.monotonic() > self.deadline:
                return
            yield number


def unraisable(hint):
    """Count what the handler has raised where nobody could catch it; all else is a failure."""
    if hint.exc_type is InterruptionError:
        Signals.caught += 1
    else:
        where = traceback.format_exception(hint.exc_type, hint.exc_value, hint.exc_traceback)
        failures.append(f"unraisable in {hint.object!r}: {''.join(where)}")


def program(path, seconds, rounds):
    warnings.simplefilter("ignore")  # os.fork in a process with threads
    sys.unraisablehook = unraisable
    turns = Turns(seconds, rounds)
    threads = [threading.Thread(target=worker, args=(turns, number)) for number in range(4)]
    threads += [
        threading.Thread(target=work, args=(turns,), name=work.__name__)
        for work in (submitter, loops, hub, importer, forker, launcher)
    ]
    consuming = threading.Thread(target=consumer, args=(turns,))
    signal.signal(signal.SIGALRM, handler)
    gc.collect()
    gc.freeze()  # what is there already would be walked again and again
    gc.set_threshold(1)
    signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    consuming.start()
    for thread in threads:
        thread.start()
    main_lane(turns)
    for thread in threads:
        thread.join()
    stop.set()
    consuming.join()
    signal.setitimer(signal.ITIMER_REAL, 0)
    gc.set_threshold(700)
    gc.collect()
    gc.set_threshold(0)
    truth = {
        "kinds": KINDS,
        "long": [(KINDS[kind], *rest) for kind, *rest in long_lanes],
        "begun": {kind: take() - 1 for kind, take in zip(KINDS, next_lane, strict=True)},
        "steps": STEPS,
        "failures": failures,
        "raised": Signals.raised,
        "caught": Signals.caught,
    }
    Path(path).write_text(json.dumps(truth))


def leaf(lane):
    lock = threading.Lock()
    for number in range(1, STEPS + 1):
        with lock:
            step(LEAF, lane, number)


if __name__ == "__main__":
    if sys.argv[1] == "leaf":
        leaf(int(sys.argv[2]))
    else:
        program(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
