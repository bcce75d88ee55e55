# title: two writers release a semaphore, and the reader waits for one of them
# expect: atomicity-violation page.words
# lines: 24,26 | 34,36
# severity: critical
# why: the permit came from the other writer, who has nothing to do with this page.
import asyncio

import raceway


class Page:
    def __init__(self) -> None:
        self.words = 0


page = raceway.watch(Page(), name="page")


async def write_index(finished: asyncio.Semaphore) -> None:
    finished.release()


async def write_page(finished: asyncio.Semaphore) -> None:
    words = page.words
    await asyncio.sleep(0)
    page.words = words + 100
    finished.release()


async def proof_read(finished: asyncio.Semaphore) -> None:
    for _ in range(10):
        await asyncio.sleep(0)
    await finished.acquire()
    words = page.words
    await asyncio.sleep(0)
    page.words = words - 1


async def main() -> None:
    finished = asyncio.Semaphore(0)
    await asyncio.gather(proof_read(finished), write_index(finished), write_page(finished))


asyncio.run(main())
print("read")
