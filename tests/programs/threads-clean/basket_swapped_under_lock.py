# title: the full basket is exchanged for an empty one under the lock and emptied without
# expect: clean
# why: after the exchange nobody else knows the full basket.
import threading

import raceway


class Harvest:
    def __init__(self) -> None:
        self.basket: list[int] = []
        self.lock = threading.Lock()


harvest = raceway.watch(Harvest(), name="harvest")
cellar = []


def pick(tree: int) -> None:
    for apple in range(5):
        with harvest.lock:
            harvest.basket.append(tree * 10 + apple)


def carry() -> None:
    for _ in range(3):
        with harvest.lock:
            full = harvest.basket
            harvest.basket = []
        while full:
            cellar.append(full.pop())


threads = [threading.Thread(target=pick, args=(tree,)) for tree in (1, 2)]
threads.append(threading.Thread(target=carry))
for t in threads:
    t.start()
for t in threads:
    t.join()
carry()
print(sorted(cellar))
