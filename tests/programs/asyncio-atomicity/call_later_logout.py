# title: a timer logs the user out while a request that checked it is waiting
# expect: atomicity-violation session.user
# lines: 24,26
# why: the check is stale when the request uses the user after its await.
import asyncio

import raceway


class Session:
    def __init__(self) -> None:
        self.user: str | None = "alice"


session = raceway.watch(Session(), name="session")
greetings = []


def logout() -> None:
    session.user = None


async def request() -> None:
    if session.user is not None:
        await asyncio.sleep(0.1)
        greetings.append(f"hello {session.user}")


async def main() -> None:
    asyncio.get_running_loop().call_later(0.02, logout)
    await request()


asyncio.run(main())
print(len(greetings))
