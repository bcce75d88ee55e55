# title: two threads count into one collections.Counter
# expect: data-race votes['yes']
# lines: 16,16
# severity: critical
# why: += on an item is a read and a write; nothing orders the two threads.
import threading
from collections import Counter

import raceway

votes = raceway.watch(Counter(yes=0), name="votes")


def vote() -> None:
    for _ in range(10):
        votes["yes"] += 1


threads = [threading.Thread(target=vote) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("voted")
