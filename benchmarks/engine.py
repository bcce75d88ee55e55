"""How fast the analysis is, and how much memory it needs, for histories of different shapes.

Each history is recorded by the real recorder, from code of this file and with watched objects, and
analysed chunk by chunk as it comes, in a process of its own: the peak of its memory is the
analysis's, beside what an interpreter with Raceway takes anyhow ("idle").  Actors take turns in one
thread, so that a history is the same each time.

    python benchmarks/engine.py [--ops N] [--long N] [history ...]

Every history is measured at a quarter of the ops, too: where the cost is linear, "growth" is 1.
"""

from __future__ import annotations

import argparse
import pathlib
import resource
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from raceway.analysis import Sources
from raceway.engine.analyzer import Analyzer
from raceway.engine.definitions import Definitions
from raceway.model import ops
from raceway.pipeline.replay import Mailbox, Replay
from raceway.record import recorder
from raceway.record.definer import Definer
from raceway.watch import watch
from raceway_autopatch.supervisor import collect_seldom


class EnoughError(Exception):
    pass


class Analysis:
    """A sink that analyses what it gets."""

    def __init__(self, limit):
        self.definer = Definer()
        self.definitions = Definitions()
        self.analyzer = Analyzer(self.definitions, Sources().text)
        self.replay = Replay(self.definitions, self.analyzer, Mailbox())
        self.limit = limit
        self.ops = 0
        self.seconds = 0.0

    def write(self, chunk, definitions):
        out = []
        packed, fresh = self.definer.define(chunk, definitions, out)
        self.definer.commit(fresh)
        begin = time.process_time()
        for definition in out:
            self.definitions.add(definition)
        self.replay.feed(packed)
        self.seconds += time.process_time() - begin
        self.ops += len(packed) // ops.STRIDE

    def after_fork(self):
        pass

    def check(self):
        if self.ops >= self.limit:
            raise EnoughError


# ---------------------------------------------------------------- actors


def start(name, kind="thread", group=0):
    state = recorder.new_state(name, kind, group)
    recorder.fork_actor(state)
    return state


def end(state):
    recorder.install(state)
    recorder.sync(ops.END, state.actor)


class Lock:
    def __init__(self, name="lock"):
        self.number = recorder.next_lock()
        recorder.define((ops.DEF_LOCK, self.number, "Lock", name, None, 0))

    def __enter__(self):
        recorder.sync_site(ops.ACQUIRE, self.number)

    def __exit__(self, *error):
        recorder.sync_site(ops.RELEASE, self.number)


class Account:
    def __init__(self):
        self.balance = 0
        self.name = "x"


# ---------------------------------------------------------------- histories


def counter(_main, check):
    """Two threads, one lock, one counter."""
    account, lock = watch(Account(), "account"), Lock()
    threads = [start("one"), start("two")]
    while True:
        for thread in threads:
            recorder.install(thread)
            for _ in range(10):
                with lock:
                    account.balance += 1
        check()


def tasks(main, check):
    """Tasks that share a dict, ten thousand at a time."""
    shared = watch({"total": 0}, "shared")

    def step(task, key):
        recorder.install(task)
        recorder.switch_to(task)
        shared["total"] += 1
        shared[key] = shared.get(key, 0)

    while True:
        alive = [start(f"task {n}", "task", main.actor) for n in range(10_000)]
        for _ in range(3):
            for n, task in enumerate(alive):
                step(task, n % 50)
            check()
        for task in alive:
            end(task)
        recorder.install(main)
        recorder.switch_to(main)
        for task in alive:
            recorder.sync(ops.JOIN, task.actor)


def objects(main, check):
    """Four threads and fifty thousand watched objects, replaced by others now and then."""
    lock = Lock()
    threads = [start(f"worker {n}") for n in range(4)]

    def use(account):
        account.balance += 1
        return account.name

    while True:
        recorder.install(main)
        accounts = [watch(Account(), "account") for _ in range(50_000)]
        channel = recorder.next_channel()
        recorder.sync(ops.SEND, channel)
        for thread in threads:
            recorder.install(thread)
            recorder.sync(ops.RECEIVE, channel)
        for turn in range(4):
            for n, thread in enumerate(threads):
                recorder.install(thread)
                for account in accounts[(n + turn) % 4 :: 4]:
                    with lock:
                        use(account)
                check()


def callbacks(main, check):
    """Callbacks of a loop that nobody waits for."""
    account = watch(Account(), "account")
    handle = 1 << 56
    while True:
        for n in range(1000):
            recorder.install(main)
            channel = handle + 64 * (n % 20)
            recorder.sync(ops.HANDOFF, channel)
            callback = recorder.new_state("callback", "callback", main.actor)
            recorder.install(callback)
            recorder.switch_to(callback)
            recorder.sync(ops.RECEIVE, channel)
            account.balance += 1
            recorder.sync(ops.END, callback.actor)
        check()


def reads(main, check):
    """Eight threads that read a configuration, which changes now and then."""
    settings, lock = watch({f"key{n}": n for n in range(20)}, "settings"), Lock()
    threads = [start(f"reader {n}") for n in range(8)]
    while True:
        for thread in threads:
            recorder.install(thread)
            for n in range(20):
                settings.get(f"key{n}")
                len(settings)
        recorder.install(main)
        with lock:
            settings["key1"] = 2
        check()


def threads(main, check):
    """Short threads, each joined, beside a logger that never synchronises."""
    account, lock = watch(Account(), "account"), Lock()
    logger = start("logger")
    lines = watch(Account(), "lines")
    while True:
        recorder.install(logger)
        lines.balance += 1
        for n in range(100):
            recorder.install(main)
            thread = start(f"thread {n}")
            recorder.install(thread)
            for _ in range(3):
                with lock:
                    account.balance += 1
            end(thread)
            recorder.install(main)
            recorder.sync(ops.JOIN, thread.actor)
        check()


def queue(main, check):
    """Eight workers that take items from a queue, each item once."""
    workers = [start(f"worker {n}") for n in range(8)]
    while True:
        for worker in workers * 10:
            recorder.install(main)
            item = watch(Account(), "item")
            item.balance = 1
            channel = recorder.next_channel()
            recorder.sync(ops.HANDOFF, channel)
            recorder.install(worker)
            recorder.sync(ops.RECEIVE, channel)
            item.balance += 1
        check()


HISTORIES = {
    one.__name__: one for one in (counter, tasks, objects, callbacks, reads, threads, queue)
}


# ---------------------------------------------------------------- measuring


def measure(name, limit):
    """Analyse one history and print seconds, ops and peak memory."""
    sink = Analysis(limit)
    collect_seldom()
    recorder.start(sink)
    main = recorder.current()
    if limit:
        try:
            HISTORIES[name](main, sink.check)
        except EnoughError:
            pass
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(sink.seconds, sink.ops, memory)


def run(name, limit):
    command = [sys.executable, __file__, "--measure", str(limit), name]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, count, memory = map(float, output.split())
    return seconds, count, memory


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ops", type=int, default=1_000_000)
    parser.add_argument("--long", type=int, default=10_000_000, help="0: none")
    parser.add_argument("--measure", type=int)
    parser.add_argument("histories", nargs="*", metavar="history")
    options = parser.parse_args()
    names = options.histories or list(HISTORIES)
    if options.measure is not None:
        measure(names[0], options.measure)
        return
    idle = run("counter", 0)[2]
    print(f"Python {sys.version.split()[0]}, idle {idle:.0f} MB")
    print(f"{'history':12} {'ops':>11} {'us/op':>7} {'ops/s':>9} {'growth':>7} {'peak MB':>8}")
    plan = [(name, options.ops) for name in names]
    if options.long and not options.histories:
        plan += [("objects", options.long), ("tasks", options.long)]
    for name, limit in plan:
        small, count, _ = run(name, limit // 4)
        small /= count
        seconds, count, memory = run(name, limit)
        each = seconds / count
        print(
            f"{name:12} {count:11,.0f} {each * 1e6:7.2f} {1 / each:9,.0f} {each / small:7.2f}"
            f" {memory:8.0f}"
        )


if __name__ == "__main__":
    main()
