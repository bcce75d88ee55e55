# title: a page is rendered once, with a second look into the cache under the lock
# expect: clean
# requires: flask
# why: the unlocked look only saves the lock; the decision to render is taken while holding it.
import threading

from flask import Flask

import raceway

app = Flask(__name__)
pages = raceway.watch({}, name="pages")
lock = threading.Lock()
rendered = []


@app.get("/<name>")
def page(name: str):
    if name not in pages:
        with lock:
            if name not in pages:
                rendered.append(name)
                pages[name] = name.title()
    return pages[name]


texts = []


def client() -> None:
    texts.append(app.test_client().get("/home").text)


threads = [threading.Thread(target=client) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(rendered, texts)
