# title: a connection pool hands its two connections to three clients
# expect: clean
# requires: gevent
# needs: HANDOFF, SEND
# why: a connection goes from client to client through the queue of free ones.
import gevent
from gevent.lock import BoundedSemaphore
from gevent.queue import Queue

import raceway


class Connection:
    def __init__(self) -> None:
        self.queries = 0


free: Queue = Queue()
slots = BoundedSemaphore(2)
for _ in range(2):
    free.put(raceway.watch(Connection(), name="connection"))


def client() -> None:
    with slots:
        connection = free.get()
        queries = connection.queries
        gevent.sleep(0)
        connection.queries = queries + 1
        free.put(connection)


gevent.joinall([gevent.spawn(client) for _ in range(3)])
print(sum(free.get().queries for _ in range(2)))
