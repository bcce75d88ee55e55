# title: two executor jobs update one Counter with the words of their texts
# expect: data-race tally['a'] | tally
# lines: 15,15
# severity: critical
# why: Counter.update reads and writes each count in Python code.
import asyncio
from collections import Counter

import raceway

tally = raceway.watch(Counter(), name="tally")


def count(text: str) -> None:
    tally.update(text.split())


async def main() -> None:
    loop = asyncio.get_running_loop()
    jobs = [loop.run_in_executor(None, count, text) for text in ("a b", "a c")]
    await asyncio.gather(*jobs)


asyncio.run(main())
print("tallied")
