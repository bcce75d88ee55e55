# title: the first connection that is not in use is taken, in the turn in which it was found
# expect: clean
# why: in_use is tested and set without an await in between, and reset last.
import asyncio

import raceway


class Connection:
    def __init__(self) -> None:
        self.in_use = False
        self.sent = 0


pool = [raceway.watch(Connection(), name=f"connection{number}") for number in range(2)]


async def send(start: float) -> None:
    await asyncio.sleep(start)
    for connection in pool:
        if not connection.in_use:
            connection.in_use = True
            break
    else:
        return
    try:
        sent = connection.sent
        await asyncio.sleep(0.002)
        connection.sent = sent + 1
    finally:
        connection.in_use = False


async def main() -> None:
    await asyncio.gather(send(0), send(0), send(0), send(0.04), send(0.04))
    print(sum(connection.sent for connection in pool) > 0)


asyncio.run(main())
