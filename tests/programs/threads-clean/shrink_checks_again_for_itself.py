# title: who finds the buffer too full calls shrink(), which looks again in its own section
# expect: clean
# why: shrink() goes by what it reads in the section in which it writes; a stale look costs a call.
import threading

import raceway


class Buffer:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.lock = threading.Lock()

    def put(self, size: int) -> None:
        with self.lock:
            self.used += size

    def is_full(self) -> bool:
        with self.lock:
            return self.used > self.limit

    def shrink(self) -> None:
        with self.lock:
            while self.used > self.limit:
                self.used -= 5


buffer = raceway.watch(Buffer(10), name="buffer")


def fill() -> None:
    for _ in range(4):
        buffer.put(5)
        if buffer.is_full():
            buffer.shrink()


threads = [threading.Thread(target=fill) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(buffer.used <= 10)
