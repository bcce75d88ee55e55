# title: every worker fills the slot of its number in a list that was made before
# expect: clean
# why: no two workers share a slot, and the list is read after join().
import threading

import raceway

results = raceway.watch([0] * 4, name="results")


def work(slot: int) -> None:
    for n in range(3):
        results[slot] += n * slot


threads = [threading.Thread(target=work, args=(slot,)) for slot in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(list(results))
