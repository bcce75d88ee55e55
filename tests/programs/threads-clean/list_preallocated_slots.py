# title: each worker stores its result at its own index
# expect: clean
# why: different items never conflict, and main sorts the list after join().
import threading

import raceway

results = raceway.watch([0, 0, 0], name="results")


def work(index: int) -> None:
    results[index] = index * index


threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
results.sort()
print(results[0], results[-1], results.pop(0), results)
