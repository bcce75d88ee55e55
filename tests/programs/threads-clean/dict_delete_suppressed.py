# title: two threads delete one entry under contextlib.suppress(KeyError)
# expect: clean
# why: each deletion is atomic, the loser of the two does nothing.
import contextlib
import threading

import raceway

leases = raceway.watch({"a": 1}, name="leases")


def end() -> None:
    with contextlib.suppress(KeyError):
        del leases["a"]


threads = [threading.Thread(target=end), threading.Thread(target=end)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(leases))
