# title: two copies of one dict are compared while another thread writes
# expect: data-race stock['a']
# lines: 14,20
# why: each copy is atomic, but an entry is overwritten without any order to it.
import threading

import raceway

stock = raceway.watch({"a": 1}, name="stock")
copies = []


def audit() -> None:
    copies.append(stock.copy())


def sell() -> None:
    while not copies:
        pass
    stock["a"] = 0


threads = [threading.Thread(target=audit), threading.Thread(target=sell)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(copies)
