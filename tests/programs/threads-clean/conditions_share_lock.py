# title: a bounded buffer with two conditions on one lock
# expect: clean
# needs: ACQUIRE, WAIT_ACQUIRE
# why: both conditions have the same lock, so every access of the size is excluded.
import threading

import raceway


class Buffer:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.not_empty = threading.Condition(self.lock)
        self.not_full = threading.Condition(self.lock)
        self.size = 0

    def put(self) -> None:
        with self.not_full:
            while self.size >= 2:
                self.not_full.wait()
            self.size += 1
            self.not_empty.notify()

    def get(self) -> None:
        with self.not_empty:
            while self.size == 0:
                self.not_empty.wait()
            self.size -= 1
            self.not_full.notify()


buffer = raceway.watch(Buffer(), name="buffer")


def produce() -> None:
    for _ in range(5):
        buffer.put()


def consume() -> None:
    for _ in range(5):
        buffer.get()


threads = [threading.Thread(target=produce), threading.Thread(target=consume)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(buffer.size)
