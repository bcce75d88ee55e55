# title: count and sum are changed together and read together
# expect: clean
# why: the average is computed from a pair that was read in one critical section.
import threading

import raceway


class Average:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.total = 0.0

    def add(self, value: float) -> None:
        with self.lock:
            self.count += 1
            self.total += value

    def mean(self) -> float | None:
        with self.lock:
            count, total = self.count, self.total
        if not count:
            return None
        return total / count


average = raceway.watch(Average(), name="average")
means = []


def sample(values: list[float]) -> None:
    for value in values:
        average.add(value)
        means.append(average.mean())


threads = [threading.Thread(target=sample, args=(v,)) for v in ([1.0, 2.0], [3.0, 6.0])]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(average.mean())
