# title: the lock is taken after the check, and the check is not repeated
# expect: data-race service.conn
# lines: 20,22
# why: the unlocked check races with the write; who waited for the lock overwrites the connection.
import threading

import raceway


class Service:
    def __init__(self) -> None:
        self.conn: object = None


service = raceway.watch(Service(), name="service")
lock = threading.Lock()


def connect() -> None:
    if service.conn is None:
        with lock:
            service.conn = object()


threads = [threading.Thread(target=connect) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(service.conn is not None)
