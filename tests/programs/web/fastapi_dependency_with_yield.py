# title: a dependency reads the usage before the endpoint and stores it afterwards
# expect: atomicity-violation usage['ann']
# lines: 20,22
# severity: critical
# requires: fastapi, httpx
# why: the endpoint awaits between the two, and another request of the user is not counted.
import asyncio
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI

import raceway

app = FastAPI()
usage = raceway.watch({"ann": 0}, name="usage")


async def metered(user: str):
    before = usage[user]
    yield user
    usage[user] = before + 1


@app.get("/{user}/report")
async def report(user: Annotated[str, Depends(metered)]) -> dict:
    await asyncio.sleep(0)
    return {"user": user}


async def main() -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        responses = await asyncio.gather(*(client.get("/ann/report") for _ in range(2)))
    print([response.status_code for response in responses])


asyncio.run(main())
