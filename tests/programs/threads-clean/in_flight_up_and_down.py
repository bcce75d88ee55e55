# title: requests in flight are counted up and down, each under the lock
# expect: clean
# why: both changes are atomic by themselves, and the value in between is meant.
import threading

import raceway


class InFlight:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = 0
        self.peak = 0

    def enter(self) -> None:
        with self.lock:
            self.now += 1
            self.peak = max(self.peak, self.now)

    def leave(self) -> None:
        with self.lock:
            self.now -= 1


flights = raceway.watch(InFlight(), name="flights")


def request(n: int) -> int:
    flights.enter()
    try:
        return n * 2
    finally:
        flights.leave()


threads = [threading.Thread(target=request, args=(n,)) for n in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(flights.now)
