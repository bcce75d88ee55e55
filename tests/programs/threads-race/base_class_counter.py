# title: the unlocked increment is inherited from a base class
# expect: data-race handler.requests
# lines: 16,16
# severity: critical
# why: both subclass methods end in the same increment of the base class, without a lock.
import threading

import raceway


class Base:
    def __init__(self) -> None:
        self.requests = 0

    def handle(self) -> str:
        self.requests += 1
        return "ok"


class Handler(Base):
    def handle(self) -> str:
        return super().handle().upper()

    def retry(self) -> str:
        return super().handle()


handler = raceway.watch(Handler(), name="handler")
threads = [threading.Thread(target=handler.handle), threading.Thread(target=handler.retry)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("handled")
