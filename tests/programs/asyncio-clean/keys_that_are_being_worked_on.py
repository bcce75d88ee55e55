# title: a set holds the accounts that somebody is working on
# expect: clean
# why: membership is tested and the key is added in one turn; it is discarded last.
import asyncio

import raceway


class Account:
    def __init__(self) -> None:
        self.cents = 0


busy = raceway.watch(set(), name="busy")
accounts = {key: raceway.watch(Account(), name=f"account_{key}") for key in "ab"}


async def book(key: str, start: float) -> None:
    await asyncio.sleep(start)
    if key in busy:
        return
    busy.add(key)
    try:
        cents = accounts[key].cents
        await asyncio.sleep(0.002)
        accounts[key].cents = cents + 5
    finally:
        busy.discard(key)


async def main() -> None:
    await asyncio.gather(*(book(key, start) for key in "ab" for start in (0, 0.001, 0.04)))
    print(accounts["a"].cents > 0, accounts["b"].cents > 0)


asyncio.run(main())
