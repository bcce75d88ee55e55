# title: the token is missed outside of the lock and fetched inside without a second look
# expect: atomicity-violation session.token
# lines: 20,23
# why: the second task waits for the lock and then fetches a token that is there already.
import asyncio

import raceway


class Session:
    def __init__(self) -> None:
        self.token = None
        self.fetched = 0


session = raceway.watch(Session(), name="session")


async def login(lock: asyncio.Lock, user: str) -> None:
    if session.token is None:
        async with lock:
            await asyncio.sleep(0)
            session.token = f"token of {user}"


async def main() -> None:
    lock = asyncio.Lock()
    await asyncio.gather(login(lock, "ann"), login(lock, "bob"))


asyncio.run(main())
print("logged in")
