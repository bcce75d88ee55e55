# title: cells are read and rewritten in phases that a reused barrier separates
# expect: clean
# needs: RECEIVE
# why: all reads of a step come before the second barrier, all writes after it.
import threading

import raceway

cells = raceway.watch([1, 2], name="cells")
barrier = threading.Barrier(2)


def simulate(own: int) -> None:
    for step in range(3):
        barrier.wait()
        other = cells[1 - own]
        barrier.wait()
        cells[own] = other + step


threads = [threading.Thread(target=simulate, args=(n,)) for n in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(cells[0] + cells[1])
