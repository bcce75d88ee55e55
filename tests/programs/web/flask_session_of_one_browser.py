# title: one browser goes through its cart with a session of requests
# expect: clean
# requires: flask, requests
# needs: RECEIVE, REMOTE_RECEIVE
# why: the threaded server has a thread for each request, but the browser waits for each reply.
import logging
import threading

import requests
from flask import Flask, jsonify
from werkzeug.serving import make_server

import raceway

app = Flask(__name__)
carts = raceway.watch({"bob": 0}, name="carts")


@app.post("/add/<int:price>")
def add(price: int):
    carts["bob"] += price
    return jsonify(due=carts["bob"])


logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, app, threaded=True)
serving = threading.Thread(target=server.serve_forever)
serving.start()
with requests.Session() as browser:
    for price in (5, 10):
        url = f"http://127.0.0.1:{server.server_port}/add/{price}"
        print(browser.post(url, timeout=10).json())
carts["bob"] = 0
server.shutdown()
serving.join()
server.server_close()
