# title: async endpoints count and reserve without an await in between
# expect: clean
# requires: fastapi, uvicorn, httpx
# why: the loop serves one request at a time between two awaits.
import asyncio
import contextlib
import threading
import time

import httpx
import uvicorn
from fastapi import FastAPI

import raceway

stock = raceway.watch({"book": 1}, name="stock")
app = FastAPI()


@app.post("/orders")
async def order():
    if stock["book"] > 0:
        stock["book"] -= 1
        await asyncio.sleep(0)
        return {"success": True}
    return {"success": False}


@contextlib.contextmanager
def serving(app: FastAPI):
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", loop="asyncio"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.001)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


answers = []


def client(base: str) -> None:
    answers.append(httpx.post(f"{base}/orders").json()["success"])


with serving(app) as base:
    clients = [threading.Thread(target=client, args=(base,)) for _ in range(3)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
print(sorted(answers), stock["book"])
