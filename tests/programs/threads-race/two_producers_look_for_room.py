# title: two producers look for room in one list without a lock
# expect: data-race ring
# lines: 13,14
# why: both may see the last free place, and the list grows past its limit.
import threading

import raceway

ring = raceway.watch([], name="ring")


def produce(n: int) -> None:
    if len(ring) < 5:
        ring.append(n)


threads = [threading.Thread(target=produce, args=(n,)) for n in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(ring))
