# title: a login that is waited for with a limit, and is in time
# expect: clean
# needs: RECEIVE, JOIN
# why: wait_for() returns when the login has ended.
import asyncio

import raceway


class Session:
    def __init__(self) -> None:
        self.requests = 0


session = raceway.watch(Session(), name="session")


async def login() -> None:
    before = session.requests
    await asyncio.sleep(0)
    session.requests = before + 1


async def main() -> None:
    await asyncio.wait_for(asyncio.create_task(login()), timeout=30)
    before = session.requests
    await asyncio.sleep(0)
    session.requests = before + 1
    print(session.requests)


asyncio.run(main())
