# title: two requests of an asynchronous Starlette endpoint sell the last piece
# expect: atomicity-violation stock.left
# lines: 27,29
# severity: critical
# requires: starlette, httpx
# why: both have seen the last piece before either takes it.
import asyncio

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import raceway


class Stock:
    def __init__(self) -> None:
        self.left = 1


stock = raceway.watch(Stock(), name="stock")


async def buy(request: Request) -> PlainTextResponse:
    if stock.left > 0:
        await asyncio.sleep(0)
        stock.left -= 1
    return PlainTextResponse("bought")


app = Starlette(routes=[Route("/", buy)])


async def main() -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await asyncio.gather(client.get("/"), client.get("/"))


asyncio.run(main())
print("asked")
