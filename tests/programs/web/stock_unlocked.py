# title: the order handler checks and reduces the stock without a lock
# expect: data-race stock['book']
# lines: 21,21
# severity: critical
# requires: flask
# why: two requests in two threads update the same entry; one sale can get lost.
import threading

from flask import Flask, jsonify

import raceway

app = Flask(__name__)
stock = raceway.watch({"book": 5}, name="stock")


@app.post("/orders")
def order():
    if stock["book"] < 1:
        return jsonify(error="sold out"), 409
    stock["book"] -= 1
    return jsonify(success=True)


statuses = []


def client() -> None:
    statuses.append(app.test_client().post("/orders").status_code)


threads = [threading.Thread(target=client) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(statuses)
