# title: every user has a session cookie and an own entry in the visits
# expect: clean
# requires: flask
# why: requests of one browser come one after the other, those of the other use another key.
import threading

from flask import Flask, jsonify, session

import raceway

app = Flask(__name__)
app.secret_key = "for the session cookie"
visits = raceway.watch({}, name="visits")


@app.get("/visit/<name>")
def visit(name: str):
    session["user"] = name
    session["count"] = session.get("count", 0) + 1
    visits[name] = visits.get(name, 0) + 1
    return jsonify(count=session["count"])


counts = []


def client(name: str) -> None:
    browser = app.test_client()
    browser.get(f"/visit/{name}")
    counts.append(browser.get(f"/visit/{name}").get_json()["count"])


threads = [threading.Thread(target=client, args=(name,)) for name in ("alice", "bob")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(counts, sorted(visits.items()))
