# title: items are copied under the lock and formatted without
# expect: clean
# why: the copy belongs to the thread that made it.
import threading

import raceway

prices = raceway.watch({"tea": 3, "milk": 1}, name="prices")
lock = threading.Lock()
pages = []


def render() -> None:
    with lock:
        snapshot = dict(prices)
    rows = [f"{name}: {price}" for name, price in sorted(snapshot.items())]
    pages.append("\n".join(rows))


def reprice() -> None:
    for name in ("tea", "milk", "rice"):
        with lock:
            prices[name] = prices.get(name, 0) + 1


threads = [threading.Thread(target=f) for f in (render, reprice, render)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(pages))
