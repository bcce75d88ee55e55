# title: the first score is read while another thread sorts
# expect: data-race scores[0] | scores
# lines: 14,20
# why: during sort() the list is empty to others, and afterwards index 0 is another item.
import threading

import raceway

scores = raceway.watch([3, 1, 2], name="scores")
seen = []


def best() -> None:
    seen.append(scores[0])


def rank() -> None:
    while not seen:
        pass
    scores.sort()


threads = [threading.Thread(target=best), threading.Thread(target=rank)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
