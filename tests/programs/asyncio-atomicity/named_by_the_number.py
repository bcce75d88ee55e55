# title: a file is named by a number that is counted on after an await
# expect: atomicity-violation scanner.pages
# lines: 20,23
# why: both scans get the same number and with it the same name.
import asyncio

import raceway


class Scanner:
    def __init__(self) -> None:
        self.pages = 0


scanner = raceway.watch(Scanner(), name="scanner")
files = []


async def scan() -> None:
    number = scanner.pages
    await asyncio.sleep(0)
    files.append(f"page-{number}.png")
    scanner.pages += 1


async def main() -> None:
    await asyncio.gather(scan(), scan())


asyncio.run(main())
print(files)
