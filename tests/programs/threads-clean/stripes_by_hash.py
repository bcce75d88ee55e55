# title: every key belongs to one stripe, and everybody asks the same function for it
# expect: clean
# why: all accesses of one key hold the lock of its stripe.
import threading

import raceway

totals = raceway.watch({"ada": 0, "bob": 0, "cy": 0}, name="totals")
stripes = tuple(threading.Lock() for _ in range(2))


def stripe(key: str) -> threading.Lock:
    return stripes[sum(map(ord, key)) % len(stripes)]


def add(key: str, amount: int) -> None:
    with stripe(key):
        totals[key] = totals[key] + amount


def work(amount: int) -> None:
    for key in ("ada", "bob", "cy"):
        add(key, amount)


threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(totals.items()))
