# title: two threads keep a list sorted with insort
# expect: data-race ranks | ranks[*]
# lines: 14
# why: insort() searches and then inserts: in between the place may be the wrong one.
import bisect
import threading

import raceway

ranks = raceway.watch([10, 20, 30], name="ranks")


def add(rank: int) -> None:
    bisect.insort(ranks, rank)


threads = [threading.Thread(target=add, args=(15,)), threading.Thread(target=add, args=(25,))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(ranks))
