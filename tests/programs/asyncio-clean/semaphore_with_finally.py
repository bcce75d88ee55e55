# title: a semaphore of one is acquired by hand and released in a finally
# expect: clean
# why: only one task at a time is between acquire() and release().
import asyncio

import raceway


class Printer:
    def __init__(self) -> None:
        self.pages = 0


printer = raceway.watch(Printer(), name="printer")


async def print_document(pages: int, turn: asyncio.Semaphore) -> None:
    await turn.acquire()
    try:
        printed = printer.pages
        for _ in range(pages):
            await asyncio.sleep(0)
            printed += 1
        printer.pages = printed
    finally:
        turn.release()


async def main() -> None:
    turn = asyncio.Semaphore()
    await asyncio.gather(*(print_document(n, turn) for n in (1, 2, 3)))


asyncio.run(main())
print(printer.pages)
