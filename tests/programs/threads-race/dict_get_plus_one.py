# title: words are counted with get() and an assignment
# expect: data-race counts['x'] | counts
# lines: 15,15
# severity: critical
# why: get() and the assignment are atomic one by one, the increment is not.
import threading

import raceway

counts = raceway.watch({}, name="counts")


def count() -> None:
    for word in "x x x".split():
        counts[word] = counts.get(word, 0) + 1


threads = [threading.Thread(target=count) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(list(counts))
