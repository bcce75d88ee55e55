# title: producer and consumer each hold the lock of their own condition
# expect: data-race buffer.size
# lines: 19,23
# severity: critical
# why: a condition that is given no lock makes its own, so the two updates are not excluded.
import threading

import raceway


class Buffer:
    def __init__(self) -> None:
        self.not_empty = threading.Condition()
        self.not_full = threading.Condition()
        self.size = 5

    def put(self) -> None:
        with self.not_full:
            self.size += 1

    def get(self) -> None:
        with self.not_empty:
            self.size -= 1


buffer = raceway.watch(Buffer(), name="buffer")
threads = [threading.Thread(target=buffer.put), threading.Thread(target=buffer.get)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("moved")
