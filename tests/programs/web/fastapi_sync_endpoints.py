# title: two clients order from a FastAPI endpoint that is a plain function
# expect: data-race stock['book']
# lines: 23,23
# severity: critical
# requires: fastapi, uvicorn, httpx
# why: plain functions run in a thread pool, so that two requests update the entry at once.
import contextlib
import threading
import time

import httpx
import uvicorn
from fastapi import FastAPI

import raceway

stock = raceway.watch({"book": 5}, name="stock")
app = FastAPI()


@app.post("/orders")
def order():
    stock["book"] -= 1
    return {"success": True}


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


statuses = []


def client(base: str) -> None:
    statuses.append(httpx.post(f"{base}/orders").status_code)


with serving(app) as base:
    clients = [threading.Thread(target=client, args=(base,)) for _ in range(2)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
print(statuses)
