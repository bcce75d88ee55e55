# title: every thread draws ticket numbers from a generator of its own over one counter
# expect: atomicity-violation office.last
# lines: 20,23
# severity: critical
# why: the generator reads and writes in two critical sections and gives up control in between.
import threading
from collections.abc import Iterator

import raceway


class Office:
    def __init__(self) -> None:
        self.last = 0
        self.lock = threading.Lock()

    def numbers(self) -> Iterator[int]:
        while True:
            with self.lock:
                number = self.last + 1
            yield number
            with self.lock:
                self.last = number


office = raceway.watch(Office(), name="office")


def serve() -> None:
    tickets = office.numbers()
    drawn = [next(tickets) for _ in range(3)]
    assert len(drawn) == 3


threads = [threading.Thread(target=serve) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("served")
