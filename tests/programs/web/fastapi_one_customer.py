# title: one customer orders twice from a FastAPI endpoint that is a plain function
# expect: clean
# requires: fastapi, uvicorn, httpx
# needs: RECEIVE, REMOTE_RECEIVE
# why: the second request is sent when the first one was answered, whatever thread handles it.
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
    return {"left": stock["book"]}


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


with serving(app) as base:
    for _ in range(2):
        print(httpx.post(f"{base}/orders").json())
    with httpx.Client() as browser:
        for _ in range(2):
            print(browser.post(f"{base}/orders").json())
