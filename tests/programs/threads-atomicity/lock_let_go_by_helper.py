# title: a caller holds the lock around the look-up and the insertion, a helper lets it go in between
# expect: atomicity-violation data[1] | data
# lines: 21,24
# why: in the pause another thread stores the same key.
import threading

import raceway


class Cache:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.data = raceway.watch({}, name="data")

    def pause(self) -> None:
        self.lock.release()
        both.wait()
        self.lock.acquire()

    def remember(self, key: int) -> int:
        found = self.data.get(key)
        if found is None:
            self.pause()
            self.data[key] = found = key * key
        return found


both = threading.Barrier(2)
cache = Cache()


def work() -> None:
    with cache.lock:
        cache.remember(1)


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(cache.data))
