# title: the report lists the keys in one section and reads the items in others
# expect: atomicity-violation stock['tea'] | stock
# lines: 16,19
# why: an item that is removed in between raises KeyError.
import threading

import raceway

stock = raceway.watch({"tea": 3, "cake": 5}, name="stock")
lock = threading.Lock()
lines = []


def report() -> None:
    with lock:
        names = list(stock)
    for name in names:
        with lock:
            lines.append((name, stock[name]))


def remove() -> None:
    with lock:
        del stock["tea"]


threads = [threading.Thread(target=report), threading.Thread(target=remove)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(lines))
