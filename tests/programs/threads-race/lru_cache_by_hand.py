# title: a cache on an OrderedDict evicts what another thread is about to touch
# expect: data-race cache['a'] | cache
# lines: 15,24 | 15,16 | 16,24
# why: between the test and move_to_end() the entry may be evicted: KeyError.
import threading
from collections import OrderedDict

import raceway

cache = raceway.watch(OrderedDict(a=1, b=2), name="cache")
touched = []


def lookup() -> None:
    if "a" in cache:
        cache.move_to_end("a")
    touched.append("a")


def evict() -> None:
    while not touched:
        pass
    if "a" in cache:
        del cache["a"]


threads = [threading.Thread(target=lookup), threading.Thread(target=evict)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(list(cache))
