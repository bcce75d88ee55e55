# title: a gate that counts lets three in, who all count visits
# expect: atomicity-violation gate.visits
# lines: 24,26
# why: that one passes the test says nothing about who else has.
import asyncio

import raceway


class Gate:
    def __init__(self) -> None:
        self.inside = 0
        self.visits = 0


gate = raceway.watch(Gate(), name="gate")


async def visit(start: float) -> None:
    await asyncio.sleep(start)
    if gate.inside >= 3:
        return
    gate.inside += 1
    visits = gate.visits
    await asyncio.sleep(0.002)
    gate.visits = visits + 1
    gate.inside -= 1


async def main() -> None:
    await asyncio.gather(visit(0), visit(0.02), visit(0.04))
    print("closed")


asyncio.run(main())
