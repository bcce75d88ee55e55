# title: the cache is filled before the server starts, and only read by the requests
# expect: clean
# requires: flask, requests
# why: the server's thread is started after the filling.
import logging
import threading

import requests
from flask import Flask
from werkzeug.serving import make_server

import raceway

app = Flask(__name__)
cache = raceway.watch({}, name="cache")


@app.get("/<name>")
def page(name: str):
    return cache[name]


for name in ("home", "faq"):
    cache[name] = name.title()
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, app, threaded=True)
serving = threading.Thread(target=server.serve_forever)
serving.start()
texts = []


def client(name: str) -> None:
    texts.append(requests.get(f"http://127.0.0.1:{server.server_port}/{name}", timeout=10).text)


clients = [threading.Thread(target=client, args=(name,)) for name in ("home", "faq")]
for thread in clients:
    thread.start()
for thread in clients:
    thread.join()
server.shutdown()
serving.join()
server.server_close()
print(sorted(texts))
