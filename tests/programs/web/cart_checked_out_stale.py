# title: the checkout reads the cart and empties it in two critical sections
# expect: atomicity-violation carts['bob']
# lines: 27,31
# requires: flask
# why: what is added to the cart between the two is neither paid nor kept.
import threading

from flask import Flask, jsonify

import raceway

app = Flask(__name__)
carts = raceway.watch({"bob": 30}, name="carts")
lock = threading.Lock()


@app.post("/add/<int:price>")
def add(price: int):
    with lock:
        carts["bob"] += price
    return jsonify(success=True)


@app.post("/checkout")
def checkout():
    with lock:
        due = carts["bob"]
    if due == 0:
        return jsonify(error="empty"), 400
    with lock:
        carts["bob"] = 0
    return jsonify(success=True)


statuses = []


def client(path: str) -> None:
    statuses.append(app.test_client().post(path).status_code)


threads = [threading.Thread(target=client, args=(path,)) for path in ("/add/5", "/checkout")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(statuses)
