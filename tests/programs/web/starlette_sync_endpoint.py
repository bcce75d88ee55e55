# title: two requests of a synchronous Starlette endpoint
# expect: data-race hits.n
# lines: 27,27
# severity: critical
# requires: starlette, httpx
# why: Starlette runs synchronous endpoints in a pool of threads.
import asyncio

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import raceway


class Hits:
    def __init__(self) -> None:
        self.n = 0


hits = raceway.watch(Hits(), name="hits")


def index(request: Request) -> PlainTextResponse:
    hits.n += 1
    return PlainTextResponse("hello")


app = Starlette(routes=[Route("/", index)])


async def main() -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await asyncio.gather(client.get("/"), client.get("/"))


asyncio.run(main())
print("asked")
