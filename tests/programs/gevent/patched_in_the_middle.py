# title: patch_all() comes after threading was imported and a lock was made
# expect: clean
# requires: gevent
# needs: HANDOFF
# why: threads are greenlets from then on; the queue hands the order over.
import queue
import threading
import time

import raceway


class Order:
    def __init__(self) -> None:
        self.state = 0


lock = threading.RLock()
order = raceway.watch(Order(), name="order")

from gevent import monkey  # noqa: E402 - this is what is tested

monkey.patch_all()

orders: queue.Queue = queue.Queue()
shipped = 0


def advance(order: Order) -> None:
    state = order.state
    time.sleep(0)
    order.state = state + 1


def ship() -> None:
    global shipped
    taken = orders.get()
    advance(taken)
    with lock:
        shipped += 1


thread = threading.Thread(target=ship)
thread.start()
advance(order)
orders.put(order)
thread.join()
print(order.state, shipped)
