# title: a thread counts under a lock, the loop reads and resets in two critical sections
# expect: atomicity-violation meter.ticks
# lines: 22,26
# why: ticks between the read and the reset are lost.
import asyncio
import threading

import raceway


class Meter:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ticks = 0

    def tick(self) -> None:
        with self.lock:
            self.ticks += 1

    def read(self) -> int:
        with self.lock:
            return self.ticks

    def reset(self) -> None:
        with self.lock:
            self.ticks = 0


meter = raceway.watch(Meter(), name="meter")
samples = []


def run() -> None:
    for _ in range(5):
        meter.tick()


async def main() -> None:
    job = asyncio.create_task(asyncio.to_thread(run))
    await asyncio.sleep(0)
    samples.append(meter.read())
    meter.reset()
    await job


asyncio.run(main())
print("measured")
