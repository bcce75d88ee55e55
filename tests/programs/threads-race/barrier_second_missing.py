# title: neighbours read each other's cells after a barrier, and write theirs at once again
# expect: data-race cells['left'] | cells['right']
# lines: 16,17
# why: the barrier orders the first writes before the reads, but not the reads before the next.
import threading

import raceway

cells = raceway.watch({"left": 0, "right": 0}, name="cells")
written = threading.Barrier(2)


def work(mine: str, other: str) -> None:
    cells[mine] = 1
    written.wait()
    seen = cells[other]
    cells[mine] = seen + 1


threads = [
    threading.Thread(target=work, args=("left", "right")),
    threading.Thread(target=work, args=("right", "left")),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("stepped")
