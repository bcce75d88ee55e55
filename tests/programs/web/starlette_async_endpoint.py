# title: two requests of an asynchronous Starlette endpoint
# expect: clean
# requires: starlette, httpx
# why: asynchronous endpoints take turns, and nothing is awaited inside the update.
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


async def index(request: Request) -> PlainTextResponse:
    hits.n += 1
    await asyncio.sleep(0)
    return PlainTextResponse("hello")


app = Starlette(routes=[Route("/", index)])


async def main() -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await asyncio.gather(client.get("/"), client.get("/"))
    print(hits.n)


asyncio.run(main())
