# title: a signal handler of the loop sets an event, and main closes the books after it
# expect: clean
# needs: RECEIVE
# why: what the handler writes comes before set(), set() before the end of wait().
import asyncio
import os
import signal

import raceway


class Books:
    def __init__(self) -> None:
        self.entries = 0


books = raceway.watch(Books(), name="books")


async def main() -> None:
    stop = asyncio.Event()

    def stopping() -> None:
        books.entries += 10
        stop.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, stopping)
    os.kill(os.getpid(), signal.SIGUSR1)
    await stop.wait()
    entries = books.entries
    await asyncio.sleep(0)
    books.entries = entries + 1
    print(books.entries)


asyncio.run(main())
