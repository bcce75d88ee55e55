# title: a done-callback books the result of its task and sets a future
# expect: clean
# needs: RECEIVE
# why: the task ends before its callback runs, and the callback before the future is awaited.
import asyncio

import raceway


class Ledger:
    def __init__(self) -> None:
        self.entries = 0


ledger = raceway.watch(Ledger(), name="ledger")


async def work() -> None:
    entries = ledger.entries
    await asyncio.sleep(0)
    ledger.entries = entries + 1


async def main() -> None:
    booked = asyncio.get_running_loop().create_future()

    def book(_: "asyncio.Task[None]") -> None:
        ledger.entries += 1
        booked.set_result(None)

    task = asyncio.create_task(work())
    task.add_done_callback(book)
    await booked
    entries = ledger.entries
    await asyncio.sleep(0)
    ledger.entries = entries + 1
    print(ledger.entries)


asyncio.run(main())
