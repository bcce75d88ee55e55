# title: finalizers give connections back to a counter, under an RLock
# expect: clean
# needs: ACQUIRE
# why: a finalizer runs in the thread that drops the last reference; every access holds the lock.
import threading
import weakref

import raceway


class Connection:
    pass


usage = raceway.watch({"open": 0}, name="usage")
lock = threading.RLock()


def closed() -> None:
    with lock:
        usage["open"] -= 1


def connect() -> None:
    connection = Connection()
    with lock:
        usage["open"] += 1
    weakref.finalize(connection, closed)
    del connection


threads = [threading.Thread(target=connect) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(usage["open"])
