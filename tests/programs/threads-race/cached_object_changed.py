# title: two threads change the object that a function with lru_cache gives to both
# expect: data-race session.uses
# lines: 27,27
# severity: critical
# why: the cache is safe; what it holds is shared by all who ask.
import functools
import threading

import raceway


@raceway.watch(name="session")
class Session:
    def __init__(self) -> None:
        self.uses = 0


@functools.lru_cache
def session() -> Session:
    return Session()


session()


def use() -> None:
    session().uses += 1


threads = [threading.Thread(target=use) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("used")
