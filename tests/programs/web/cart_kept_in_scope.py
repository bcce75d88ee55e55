# title: a middleware loads the cart before the request and saves it afterwards
# expect: atomicity-violation carts['s1']
# lines: 31,33
# severity: critical
# requires: starlette, httpx
# why: both requests of the session start from the same cart, the later save drops the item of the other.
import asyncio

import httpx
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import raceway

carts = raceway.watch({"s1": ("apple",), "s2": ()}, name="carts")


class CartMiddleware:
    def __init__(self, app) -> None:
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        session = Headers(scope=scope)["x-session"]
        scope["state"] = {"cart": carts[session]}
        await self.app(scope, receive, send)
        carts[session] = scope["state"]["cart"]


async def check_stock(item: str) -> bool:
    await asyncio.sleep(0.01)
    return True


async def add_item(request: Request) -> PlainTextResponse:
    item = request.path_params["item"]
    if await check_stock(item):
        request.state.cart += (item,)
    return PlainTextResponse(f"{item} added")


app = Starlette(
    routes=[Route("/cart/{item}", add_item, methods=["PUT"])],
    middleware=[Middleware(CartMiddleware)],
)


async def main() -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        headers = {"X-Session": "s1"}
        puts = [client.put(f"/cart/{item}", headers=headers) for item in ("pear", "plum")]
        print([r.text for r in await asyncio.gather(*puts)])


asyncio.run(main())
