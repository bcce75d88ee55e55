# title: a worker of the thread pool serves the request of one client after that of another
# expect: data-race visits['home']
# lines: 23,23
# severity: critical
# requires: fastapi, uvicorn, httpx
# why: that one worker served both, and one client came later, is chance.
import contextlib
import threading
import time

import httpx
import uvicorn
from fastapi import FastAPI

import raceway

visits = raceway.watch({"home": 0}, name="visits")
app = FastAPI()


@app.get("/{page}")
def show(page: str):
    visits[page] += 1
    return page


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


served = []


def client(base: str, turn: int) -> None:
    while len(served) < turn:
        time.sleep(0.001)
    httpx.get(f"{base}/home")
    served.append(turn)


with serving(app) as base:
    clients = [threading.Thread(target=client, args=(base, turn)) for turn in range(2)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
print(len(served))
