# title: the new token is fetched first and stored in one step
# expect: clean
# why: other tasks see the old token or the new one, nothing in between.
import asyncio

import raceway


class Client:
    def __init__(self) -> None:
        self.token = "old"


client = raceway.watch(Client(), name="client")
headers = []


async def refresh() -> None:
    await asyncio.sleep(0)
    fresh = "new"
    client.token = fresh


async def call() -> None:
    headers.append(f"Bearer {client.token}")
    await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(refresh(), call(), call())


asyncio.run(main())
print(len(headers))
