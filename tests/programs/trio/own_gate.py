# title: a gate that is made of a ParkingLot
# expect: clean
# needs: HANDOFF
# requires: trio
# why: whoever is woken comes after who wakes it.
import trio

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


job = raceway.watch(Job(), name="job")
gate = trio.lowlevel.ParkingLot()


async def work() -> None:
    while not gate:
        await trio.lowlevel.checkpoint()
    before = job.result
    await trio.lowlevel.checkpoint()
    job.result = before + 42
    gate.unpark_all()


async def use() -> None:
    await gate.park()
    result = job.result
    await trio.lowlevel.checkpoint()
    job.result = result + 1


async def main() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(use)
        nursery.start_soon(work)


trio.run(main)
print(job.result)
