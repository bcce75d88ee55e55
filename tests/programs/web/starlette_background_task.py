# title: a background task completes the order while the next request reads it
# expect: atomicity-violation order['state']
# lines: 21,23
# severity: critical
# requires: starlette, httpx
# why: the response leaves before the background task has ended.
import asyncio

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import raceway

order = raceway.watch({"state": 0}, name="order")


async def complete() -> None:
    state = order["state"]
    await asyncio.sleep(0.001)
    order["state"] = state + 1


async def create(_request):
    return PlainTextResponse("created", background=BackgroundTask(complete))


async def cancel(_request):
    order["state"] = -1
    return PlainTextResponse("cancelled")


app = Starlette(
    routes=[Route("/create", create, methods=["POST"]), Route("/cancel", cancel, methods=["POST"])]
)


async def main() -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        replies = await asyncio.gather(client.post("/create"), client.post("/cancel"))
    print(sorted(reply.text for reply in replies))


asyncio.run(main())
