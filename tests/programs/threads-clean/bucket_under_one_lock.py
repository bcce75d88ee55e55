# title: a token bucket refills and drains in helpers that expect the lock to be held
# expect: clean
# why: take() holds the lock over both helper calls.
import threading

import raceway


class Bucket:
    def __init__(self) -> None:
        self.tokens = 3
        self.lock = threading.Lock()

    def _refill(self) -> int:
        self.tokens = min(10, self.tokens + 1)
        return self.tokens

    def take(self, amount: int) -> bool:
        with self.lock:
            available = self._refill()
            if available < amount:
                return False
            self.tokens = available - amount
        return True


bucket = raceway.watch(Bucket(), name="bucket")
threads = [threading.Thread(target=bucket.take, args=(1,)) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(bucket.tokens)
