# title: the producer counts before and after it holds the condition
# expect: data-race stock.items
# lines: 21,30 | 24,30 | 21,29 | 24,29
# severity: critical
# why: whichever side enters the condition first, one of the producer's updates is unordered.
import threading

import raceway


class Stock:
    def __init__(self) -> None:
        self.items = 0


stock = raceway.watch(Stock(), name="stock")
changed = threading.Condition()


def produce() -> None:
    stock.items += 1
    with changed:
        changed.notify()
    stock.items += 1


def consume() -> None:
    with changed:
        changed.wait_for(lambda: stock.items > 0, timeout=0.2)
        stock.items -= 1


threads = [threading.Thread(target=produce), threading.Thread(target=consume)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("consumed")
