# title: a signal handler of the loop resets a counter that a task is about to write back
# expect: atomicity-violation stats.requests
# lines: 29,33,25
# severity: critical
# why: the handler runs between two steps of the task, and what it wrote is lost.
import asyncio
import os
import signal

import raceway


class Stats:
    def __init__(self) -> None:
        self.requests = 0


stats = raceway.watch(Stats(), name="stats")


async def main() -> None:
    seen = asyncio.Event()

    def reset() -> None:
        stats.requests = -1
        seen.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, reset)
    requests = stats.requests
    os.kill(os.getpid(), signal.SIGUSR1)
    for _ in range(20):
        await asyncio.sleep(0)
    stats.requests = requests + 1
    await seen.wait()


asyncio.run(main())
print("reset")
