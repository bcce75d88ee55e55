# title: greenlets of two native threads count into one attribute
# expect: data-race totals.sum
# lines: 23,23
# severity: critical
# requires: gevent
# why: each thread has a hub of its own; greenlets of different hubs do not take turns.
import threading

import gevent

import raceway


class Totals:
    def __init__(self) -> None:
        self.sum = 0


totals = raceway.watch(Totals(), name="totals")


def add() -> None:
    totals.sum += 1


def serve() -> None:
    gevent.joinall([gevent.spawn(add) for _ in range(2)])
    gevent.get_hub().destroy()


threads = [threading.Thread(target=serve) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("added")
