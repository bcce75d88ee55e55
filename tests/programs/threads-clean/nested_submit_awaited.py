# title: a job submits another one and waits for its result
# expect: clean
# needs: RECEIVE, FORK
# why: submit() comes before the inner job, and its end before result() in the outer one.
from concurrent.futures import ThreadPoolExecutor

import raceway


class Order:
    def __init__(self) -> None:
        self.price = 0


order = raceway.watch(Order(), name="order")
pool = ThreadPoolExecutor(max_workers=4)


def discount() -> None:
    order.price -= 1


def price() -> None:
    order.price = 10
    pool.submit(discount).result()
    order.price *= 2


pool.submit(price).result()
print(order.price)
pool.shutdown()
