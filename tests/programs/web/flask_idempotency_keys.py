# title: a payment looks its idempotency key up before it pays, and notes it afterwards
# expect: data-race payments | payments['k1']
# lines: 22,24 | 24,24
# requires: flask, requests
# why: the threaded server handles both deliveries of one payment; both find no key.
import logging
import threading

import requests
from flask import Flask, jsonify, request
from werkzeug.serving import make_server

import raceway

app = Flask(__name__)
payments = raceway.watch({}, name="payments")


@app.post("/payments")
def pay():
    key = request.headers["Idempotency-Key"]
    if key in payments:
        return jsonify(paid=False)
    payments[key] = request.get_json()["cents"]
    return jsonify(paid=True)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, app, threaded=True)


def client() -> None:
    url = f"http://127.0.0.1:{server.server_port}/payments"
    requests.post(url, json={"cents": 5}, headers={"Idempotency-Key": "k1"}, timeout=10)


serving = threading.Thread(target=server.serve_forever)
serving.start()
clients = [threading.Thread(target=client) for _ in range(2)]
for thread in clients:
    thread.start()
for thread in clients:
    thread.join()
server.shutdown()
serving.join()
server.server_close()
print("paid")
