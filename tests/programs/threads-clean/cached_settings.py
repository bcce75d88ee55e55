# title: two threads ask a function with lru_cache for the settings, and one of them makes them
# expect: clean
# why: lru_cache may be used by several threads; who gets the object gets it whole.
import functools
import threading

import raceway


@raceway.watch
class Settings:
    def __init__(self) -> None:
        self.depth = 0
        self.depth += 3


@functools.lru_cache
def settings() -> Settings:
    return Settings()


depths: list[int] = []


def work() -> None:
    depths.append(settings().depth)


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(depths)
