# title: a list is sorted while another thread appends
# expect: data-race scores
# lines: 13,17
# why: sort() takes the items out and raises ValueError if the list changes meanwhile.
import threading

import raceway

scores = raceway.watch([3, 1, 2], name="scores")


def rank() -> None:
    scores.sort()


def add() -> None:
    scores.append(4)


threads = [threading.Thread(target=rank), threading.Thread(target=add)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(scores))
