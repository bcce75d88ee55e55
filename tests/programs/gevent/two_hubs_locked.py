# title: greenlets of two native threads count under one lock of threading
# expect: clean
# requires: gevent
# why: the lock excludes threads, and no greenlet switches while it holds the lock.
import threading

import gevent

import raceway


class Totals:
    def __init__(self) -> None:
        self.sum = 0


totals = raceway.watch(Totals(), name="totals")
lock = threading.Lock()


def add() -> None:
    with lock:
        totals.sum += 1
    gevent.sleep(0)


def serve() -> None:
    gevent.joinall([gevent.spawn(add) for _ in range(2)])
    gevent.get_hub().destroy()


threads = [threading.Thread(target=serve) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(totals.sum)
