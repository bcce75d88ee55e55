# title: two requests of an aiohttp handler sell the last piece
# expect: atomicity-violation stock.left
# lines: 23,25
# severity: critical
# requires: aiohttp
# why: both have seen the last piece before either takes it.
import asyncio

from aiohttp import ClientSession, web

import raceway


class Stock:
    def __init__(self) -> None:
        self.left = 1


stock = raceway.watch(Stock(), name="stock")


async def buy(request: web.Request) -> web.Response:
    if stock.left > 0:
        await asyncio.sleep(0)
        stock.left -= 1
    return web.Response(text="bought")


async def main() -> None:
    app = web.Application()
    app.router.add_get("/", buy)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"

    async def ask() -> None:
        async with ClientSession() as session, session.get(url) as response:
            await response.text()

    await asyncio.gather(ask(), ask())
    await runner.cleanup()


asyncio.run(main())
print("asked")
