# title: an async endpoint awaits the payment between the check of the stock and the sale
# expect: atomicity-violation stock['book']
# lines: 20,22
# severity: critical
# requires: fastapi, httpx
# why: at the await the loop serves the other request, which has seen the same number.
import asyncio

import httpx
from fastapi import FastAPI

import raceway

stock = raceway.watch({"book": 5}, name="stock")
app = FastAPI()


@app.post("/orders")
async def order():
    left = stock["book"]
    await asyncio.sleep(0)
    stock["book"] = left - 1
    return {"success": True}


async def main() -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        replies = await asyncio.gather(*(client.post("/orders") for _ in range(2)))
    print([reply.status_code for reply in replies])


asyncio.run(main())
