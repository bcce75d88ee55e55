# title: coroutines return numbers, and the caller adds them up at the end
# expect: clean
# why: only the caller touches the total, and it does so after the gather.
import asyncio

import raceway


class Report:
    def __init__(self) -> None:
        self.total = 0
        self.parts = {}


report = raceway.watch(Report(), name="report")


async def measure(name: str) -> int:
    report.parts[name] = None
    await asyncio.sleep(0)
    report.parts[name] = len(name)
    return len(name)


async def main() -> None:
    report.total = 1
    sizes = await asyncio.gather(*map(measure, ("a", "bb", "ccc")))
    report.total = report.total + sum(sizes)


asyncio.run(main())
print(report.total, sorted(report.parts.items()))
