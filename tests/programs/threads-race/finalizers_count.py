# title: __del__ counts in whatever thread drops the last reference
# expect: data-race usage['closed']
# lines: 15,15
# severity: critical
# why: two threads drop their connection and run __del__ unordered.
import threading

import raceway

usage = raceway.watch({"closed": 0}, name="usage")


class Connection:
    def __del__(self) -> None:
        usage["closed"] += 1


def connect() -> None:
    Connection()


threads = [threading.Thread(target=connect) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("closed")
