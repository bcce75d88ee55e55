# title: a generator is driven step by step, each step under the lock
# expect: atomicity-violation ids.last
# lines: 23,25
# severity: critical
# why: a step goes on in the call of the step before, with what was read there.
import threading
from collections.abc import Iterator

import raceway


class Ids:
    def __init__(self) -> None:
        self.last = 0


ids = raceway.watch(Ids(), name="ids")
lock = threading.Lock()


def numbers() -> Iterator[int]:
    while True:
        last = ids.last
        yield last + 1
        ids.last = last + 1


def work() -> None:
    steps = numbers()
    for _ in range(3):
        with lock:
            next(steps)


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("numbered")
