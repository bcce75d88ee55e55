# title: a semaphore that begins at zero counts finished pages
# expect: clean
# needs: RECEIVE
# why: the page is complete before release(), and is read after acquire().
import asyncio

import raceway


class Page:
    def __init__(self) -> None:
        self.words = 0


page = raceway.watch(Page(), name="page")


async def write(finished: asyncio.Semaphore) -> None:
    words = page.words
    await asyncio.sleep(0)
    page.words = words + 100
    finished.release()


async def proof_read(finished: asyncio.Semaphore) -> None:
    await finished.acquire()
    words = page.words
    await asyncio.sleep(0)
    page.words = words - 1


async def main() -> None:
    finished = asyncio.Semaphore(0)
    await asyncio.gather(proof_read(finished), write(finished))
    print(page.words)


asyncio.run(main())
