# title: neighbours are read and cells rewritten with one barrier per round
# expect: data-race cells[*]
# lines: 16,17
# why: nothing orders the read of a round and the neighbour's write of the next one.
import threading

import raceway

cells = raceway.watch([1, 2], name="cells")
barrier = threading.Barrier(2)


def simulate(own: int) -> None:
    for step in range(3):
        barrier.wait()
        other = cells[1 - own]
        cells[own] = other + step


threads = [threading.Thread(target=simulate, args=(n,)) for n in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("simulated")
