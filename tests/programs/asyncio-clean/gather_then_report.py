# title: a report is brought up to date after gather() has returned
# expect: clean
# needs: RECEIVE
# why: gather() returns when all importers have ended, and nobody else runs afterwards.
import asyncio

import raceway


class Report:
    def __init__(self) -> None:
        self.rows = 0


report = raceway.watch(Report(), name="report")


async def import_file(lock: asyncio.Lock, rows: int) -> None:
    async with lock:
        before = report.rows
        await asyncio.sleep(0)
        report.rows = before + rows


async def main() -> None:
    lock = asyncio.Lock()
    await asyncio.gather(import_file(lock, 3), import_file(lock, 4))
    before = report.rows
    await asyncio.sleep(0)
    report.rows = before + 1
    print(report.rows)


asyncio.run(main())
