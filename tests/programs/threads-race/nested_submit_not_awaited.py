# title: a job submits another one, returns, and the caller has waited for the outer one
# expect: data-race order.price
# lines: 20,29
# why: the result of the outer job does not wait for what it has submitted.
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
    pool.submit(discount)


pool.submit(price).result()
order.price *= 2
pool.shutdown()
print("priced")
