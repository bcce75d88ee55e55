# title: a task waits for a lock, and changes without it what the first one changes after it
# expect: atomicity-violation report.lines
# lines: 24,26 | 32,34
# severity: critical
# requires: trio
# why: that the second task got the lock from the first one is the chance order of this run.
import trio
import trio.testing

import raceway


class Report:
    def __init__(self) -> None:
        self.lines = 0


report = raceway.watch(Report(), name="report")


async def first(lock: trio.Lock) -> None:
    async with lock:
        await trio.sleep(0.1)
        lines = report.lines
        await trio.lowlevel.checkpoint()
        report.lines = lines + 1


async def second(lock: trio.Lock) -> None:
    async with lock:
        await trio.lowlevel.checkpoint()
    lines = report.lines
    await trio.lowlevel.checkpoint()
    report.lines = lines + 1


async def main() -> None:
    lock = trio.Lock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(first, lock)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(second, lock)


trio.run(main)
print("written")
