# title: a token bucket is refilled by one locked helper and drained by another
# expect: atomicity-violation bucket.tokens
# lines: 21,25
# severity: critical
# why: another request may take the same token between the answer of the first helper and the second.
import threading

import raceway


class TokenBucket:
    CAPACITY = 10

    def __init__(self) -> None:
        self.tokens = 4
        self._lock = threading.Lock()

    def _refill(self) -> int:
        with self._lock:
            self.tokens = min(self.CAPACITY, self.tokens + 1)
            return self.tokens

    def _drain(self, amount: int) -> None:
        with self._lock:
            self.tokens -= amount

    def take(self, amount: int) -> bool:
        available = self._refill()
        if available < amount:
            return False
        self._drain(amount)
        return True


bucket = raceway.watch(TokenBucket(), name="bucket")
threads = [threading.Thread(target=bucket.take, args=(2,)) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("taken")
