# title: a service discovery refresh empties the backend list before it has the new one
# expect: atomicity-violation router.backends
# lines: 24,34 | 34,28 | 24,28
# why: a request that is routed between the two writes sees no backend at all.
import asyncio

import raceway


class Router:
    def __init__(self, backends: tuple[str, ...]) -> None:
        self.backends = backends


router = raceway.watch(Router(("10.0.0.1", "10.0.0.2")), name="router")


async def discover(zone: str) -> str:
    await asyncio.sleep(0)
    return {"eu": "10.1.0.1", "us": "10.2.0.1"}[zone]


async def refresh() -> None:
    router.backends = ()
    found = []
    for zone in ("eu", "us"):
        found.append(await discover(zone))
    router.backends = tuple(found)


async def route(request_id: int) -> int:
    await asyncio.sleep(0)
    try:
        return request_id % len(router.backends)
    except ZeroDivisionError:
        return 503


async def main() -> None:
    refresher = asyncio.create_task(refresh(), name="refresher")
    answers = await asyncio.gather(*(route(n) for n in range(3)))
    await refresher
    print(len(answers), "requests")


asyncio.run(main())
