# title: a walrus takes what pop() leaves of an order
# expect: clean
# why: dict.pop() with a default is atomic; only one thread gets the order.
import threading

import raceway

orders = raceway.watch({n: f"order {n}" for n in range(4)}, name="orders")
shipped = []


def ship() -> None:
    for number in range(4):
        if (order := orders.pop(number, None)) is not None:
            shipped.append(order)


threads = [threading.Thread(target=ship) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(shipped))
