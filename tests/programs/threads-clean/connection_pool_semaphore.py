# title: three clients share two connections, handed out under a semaphore
# expect: clean
# why: pop() gives a connection to one client alone, until that one has put it back.
import threading
from collections import deque

import raceway


class Connection:
    def __init__(self) -> None:
        self.queries = 0


free = deque(
    [raceway.watch(Connection(), name="first"), raceway.watch(Connection(), name="second")]
)
permits = threading.BoundedSemaphore(2)


def query() -> None:
    for _ in range(3):
        with permits:
            connection = free.popleft()
            connection.queries += 1
            free.append(connection)


threads = [threading.Thread(target=query) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sum(connection.queries for connection in free))
