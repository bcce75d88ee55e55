# title: what the start of a Starlette application has prepared is changed by its requests
# expect: clean
# requires: starlette, httpx
# why: requests are served when the start is complete, and one client sends one after the other.
import asyncio

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

import raceway

rates = raceway.watch({"EUR": 0}, name="rates")


async def lifespan(_app):
    rates["EUR"] += 100
    await asyncio.sleep(0)
    rates["EUR"] += 1
    yield


def raise_rate() -> int:
    rates["EUR"] += 1
    return rates["EUR"]


async def update(_request):
    before = rates["EUR"]
    await asyncio.sleep(0)
    rates["EUR"] = before + 1
    return JSONResponse(await run_in_threadpool(raise_rate))


app = Starlette(routes=[Route("/update", update)], lifespan=lifespan)
with TestClient(app) as client:
    print([client.get("/update").json() for _ in range(3)])
