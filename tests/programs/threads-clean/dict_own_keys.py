# title: every thread counts under its own key, which it inserts itself
# expect: clean
# why: operations on different keys do not conflict; the dict as a whole is read after join().
import threading

import raceway

counts = raceway.watch({}, name="counts")


def work(name: str) -> None:
    counts[name] = 0
    for _ in range(5):
        counts[name] += 1


threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(counts.items()))
