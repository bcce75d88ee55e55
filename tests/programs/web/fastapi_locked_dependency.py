# title: a dependency of plain endpoints holds a lock while the endpoint runs
# expect: clean
# requires: fastapi, httpx
# why: the dependency yields inside the lock, so that check and act are one critical section.
import asyncio

import anyio.to_thread
import httpx
from fastapi import Depends, FastAPI

import raceway

keys = raceway.watch({"paid": 0}, name="keys")
app = FastAPI()


async def one_at_a_time():
    async with app.state.lock:
        yield


@app.post("/payments", dependencies=[Depends(one_at_a_time)])
def pay():
    if keys["paid"] == 0:
        keys["paid"] += 1
    return keys["paid"]


async def main() -> None:
    app.state.lock = asyncio.Lock()
    anyio.to_thread.current_default_thread_limiter().total_tokens = 5
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        replies = await asyncio.gather(*(client.post("/payments") for _ in range(3)))
    print([reply.json() for reply in replies])


asyncio.run(main())
