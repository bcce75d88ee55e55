# title: old orders are thrown away under the queue's mutex, then new ones are put
# expect: clean
# needs: RECEIVE
# why: every order that get() returns was put after the clear(), by the thread that wrote it.
import queue
import threading

import raceway


class Market:
    def __init__(self) -> None:
        self.price = 0


market = raceway.watch(Market(), name="market")
ticks: queue.Queue = queue.Queue()
prices: list[int] = []


def trade() -> None:
    while ticks.get() is not None:
        prices.append(market.price)


ticks.put("tick")
ticks.put("tick")
with ticks.mutex:
    ticks.queue.clear()
trader = threading.Thread(target=trade)
trader.start()
market.price = 7
ticks.put("tick")
ticks.put(None)
trader.join()
print(prices)
