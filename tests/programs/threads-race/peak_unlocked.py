# title: a peak is compared and raised without a lock
# expect: data-race gauge.peak
# lines: 15,16
# why: a higher peak of another thread may be overwritten between the comparison and the store.
import threading

import raceway


class Gauge:
    def __init__(self) -> None:
        self.peak = 0

    def sample(self, value: int) -> None:
        if value > self.peak:  # noqa: PLR1730
            self.peak = value


gauge = raceway.watch(Gauge(), name="gauge")
threads = [threading.Thread(target=gauge.sample, args=(v,)) for v in (5, 8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("sampled")
