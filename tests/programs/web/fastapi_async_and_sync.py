# title: an async endpoint and a plain one change the same counter
# expect: data-race hits['page']
# lines: 23,29
# severity: critical
# requires: fastapi, uvicorn, httpx
# why: the one runs in the loop's thread, the other in a worker thread.
import contextlib
import threading
import time

import httpx
import uvicorn
from fastapi import FastAPI

import raceway

hits = raceway.watch({"page": 0}, name="hits")
app = FastAPI()


@app.get("/async")
async def in_loop():
    hits["page"] += 1
    return "async"


@app.get("/sync")
def in_worker():
    hits["page"] += 1
    return "sync"


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


def client(url: str) -> None:
    httpx.get(url)


with serving(app) as base:
    paths = ("async", "sync")
    clients = [threading.Thread(target=client, args=(f"{base}/{path}",)) for path in paths]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
print("served")
