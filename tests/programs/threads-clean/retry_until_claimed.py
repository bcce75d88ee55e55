# title: a worker looks for a free port without holding the lock over the whole search
# expect: clean
# why: the port is looked at again in the critical section that claims it.
import threading

import raceway


class Ports:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.next_free = 8000

    def guess(self) -> int:
        with self.lock:
            return self.next_free

    def claim(self, port: int) -> bool:
        with self.lock:
            if port != self.next_free:
                return False
            self.next_free = port + 1
            return True


ports = raceway.watch(Ports(), name="ports")
claimed = []


def serve() -> None:
    while not ports.claim(port := ports.guess()):
        continue
    claimed.append(port)


threads = [threading.Thread(target=serve) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(claimed))
