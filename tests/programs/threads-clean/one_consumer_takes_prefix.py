# title: the only consumer copies the first items, handles them and deletes as many
# expect: clean
# why: others only append, so the first items are the same in both sections.
import threading

import raceway


class Buffer:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.items = []
        self.handled = 0

    def append(self, item: int) -> None:
        with self.lock:
            self.items.append(item)

    def drain(self, most: int) -> list:
        with self.lock:
            batch = self.items[:most]
        for item in batch:
            handle(item)
        with self.lock:
            del self.items[: len(batch)]
            self.handled += len(batch)
        return batch


def handle(item: int) -> None:
    seen.append(item)


seen = []
buffer = raceway.watch(Buffer(), name="buffer")


def produce(start: int) -> None:
    for n in range(3):
        buffer.append(start + n)


def consume() -> None:
    for _ in range(3):
        buffer.drain(2)


threads = [threading.Thread(target=produce, args=(n,)) for n in (0, 10)]
threads.append(threading.Thread(target=consume))
for t in threads:
    t.start()
for t in threads:
    t.join()
while buffer.drain(2):
    pass
print(sorted(seen), buffer.handled)
