# title: lazy creation with a second check under the lock
# expect: clean
# why: the unlocked check only saves the lock; the decision is taken again while holding it.
import threading

import raceway


class Service:
    def __init__(self) -> None:
        self.conn: object = None


service = raceway.watch(Service(), name="service")
lock = threading.Lock()


def connection() -> object:
    if service.conn is None:
        with lock:
            if service.conn is None:
                service.conn = object()
    return service.conn


threads = [threading.Thread(target=connection) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(service.conn is not None)
