# title: the keys are listed in one section, and each is looked up in another if it is still there
# expect: clean
# why: test and look-up are one section; the other report lists and looks up in one.
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
            if name in stock:
                lines.append((name, stock[name]))


def report_at_once() -> None:
    with lock:
        for name in list(stock):
            lines.append((name, stock[name]))


def remove() -> None:
    with lock:
        del stock["tea"]


threads = [threading.Thread(target=f) for f in (report, report_at_once, remove)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(lines) > 1)
