# title: every thread fills its own Counter, the main thread merges them
# expect: clean
# needs: JOIN
# why: nothing is shared while the threads run.
import threading
from collections import Counter

import raceway

parts = [raceway.watch(Counter(), name="part") for _ in range(2)]


def count(part: Counter, text: str) -> None:
    for word in text.split():
        part[word] += 1


texts = ("a b a", "b c")
pairs = zip(parts, texts, strict=True)
threads = [threading.Thread(target=count, args=pair) for pair in pairs]
for t in threads:
    t.start()
for t in threads:
    t.join()
total = sum(parts, Counter())
print(sorted(total.items()))
