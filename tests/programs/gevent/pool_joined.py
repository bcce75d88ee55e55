# title: greenlets that had left the pool before it was joined
# expect: clean
# requires: gevent
# needs: SEND
# why: an empty pool means that all its greenlets have ended, also those that nobody kept.
import gevent
from gevent.pool import Pool

import raceway

stock = raceway.watch({"a": 0, "b": 0, "c": 0}, name="stock")
pool = Pool(2)


def restock(item: str) -> None:
    amount = stock[item]
    gevent.sleep(0)
    stock[item] = amount + 1


for item in "abc":
    pool.spawn(restock, item)
gevent.sleep(0.01)
pool.join()
for item in "abc":
    amount = stock[item]
    gevent.sleep(0)
    stock[item] = amount + 10
print(sorted(stock.items()))
