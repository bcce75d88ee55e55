# title: the unlocked look at the stock is repeated under the lock
# expect: clean
# why: the first look only avoids the lock; the decision rests on the second one.
import threading

import raceway


class Shop:
    def __init__(self) -> None:
        self.stock = 2


shop = raceway.watch(Shop(), name="shop")
lock = threading.Lock()


def buy() -> None:
    if shop.stock <= 0:
        return
    with lock:
        if shop.stock > 0:
            shop.stock -= 1


threads = [threading.Thread(target=buy) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(shop.stock)
