# title: two threads add to one entry of a Counter
# expect: data-race words['the']
# lines: 15
# severity: critical
# why: a lost update: += on an item is a read and a write.
import threading
from collections import Counter

import raceway

words = raceway.watch(Counter({"the": 0}), name="words")


def count() -> None:
    words["the"] += 1


threads = [threading.Thread(target=count), threading.Thread(target=count)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(list(words))
