# title: subclass methods update an inherited field under an inherited lock
# expect: clean
# why: base and subclass use the same RLock, also when one method calls the other.
import threading

import raceway


class Base:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.requests = 0

    def handle(self) -> None:
        with self.lock:
            self.requests += 1


class Handler(Base):
    def handle(self) -> None:
        with self.lock:
            super().handle()
            self.requests += 1


handler = raceway.watch(Handler(), name="handler")
threads = [threading.Thread(target=handler.handle) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(handler.requests)
