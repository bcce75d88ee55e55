# title: likes are counted under a lock and listed under the same lock
# expect: clean
# requires: flask
# why: every access of the counts holds the lock.
import threading

from flask import Flask, jsonify

import raceway

app = Flask(__name__)
likes = raceway.watch({"post": 0}, name="likes")
lock = threading.Lock()


@app.post("/like/<name>")
def like(name: str):
    with lock:
        likes[name] += 1
        return jsonify(likes=likes[name])


@app.get("/likes")
def show():
    with lock:
        return jsonify(dict(likes))


def client() -> None:
    browser = app.test_client()
    browser.post("/like/post")
    browser.get("/likes")


threads = [threading.Thread(target=client) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(app.test_client().get("/likes").get_json())
