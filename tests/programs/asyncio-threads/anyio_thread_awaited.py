# title: the results of anyio.to_thread calls are used after they have been awaited
# expect: clean
# needs: RECEIVE, JOIN
# requires: anyio
# why: the await ends when the function has returned in its worker thread.
import anyio
import anyio.to_thread

import raceway


class Stats:
    def __init__(self) -> None:
        self.n = 0


stats = raceway.watch(Stats(), name="stats")


def work() -> None:
    stats.n += 1


async def main() -> None:
    await anyio.to_thread.run_sync(work)
    stats.n += 1
    await anyio.to_thread.run_sync(work)
    print(stats.n)


anyio.run(main)
