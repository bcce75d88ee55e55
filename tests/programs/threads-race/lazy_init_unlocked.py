# title: two threads create the connection on first use
# expect: data-race service.conn
# lines: 19,20 | 20,20 | 20,21
# why: nothing orders the check of one thread and the assignment of the other: two connections.
import threading

import raceway


class Service:
    def __init__(self) -> None:
        self.conn: object = None


service = raceway.watch(Service(), name="service")


def connection() -> object:
    if service.conn is None:
        service.conn = object()
    return service.conn


threads = [threading.Thread(target=connection) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(service.conn is not None)
