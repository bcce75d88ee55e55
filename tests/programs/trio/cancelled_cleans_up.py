# title: a task is cancelled, and its cleanup counts on from what the canceller has counted
# expect: clean
# needs: HANDOFF
# requires: trio
# why: the cancellation comes before what it raises.
import trio

import raceway


class Job:
    def __init__(self) -> None:
        self.runs = 0


job = raceway.watch(Job(), name="job")


async def work(begun: trio.Event) -> None:
    begun.set()
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            runs = job.runs
            await trio.lowlevel.checkpoint()
            job.runs = runs + 1


async def main() -> None:
    begun = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, begun)
        await begun.wait()
        runs = job.runs
        await trio.lowlevel.checkpoint()
        job.runs = runs + 1
        nursery.cancel_scope.cancel()


trio.run(main)
print(job.runs)
