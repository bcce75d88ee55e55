# title: two threads delete one entry, and a KeyError means that it is gone
# expect: clean
# why: the documented idiom: each deletion is atomic, the loser of the two does nothing.
import threading

import raceway

leases = raceway.watch({"a": 1}, name="leases")


def end() -> None:
    try:
        del leases["a"]
    except KeyError:
        pass


threads = [threading.Thread(target=end), threading.Thread(target=end)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(leases))
