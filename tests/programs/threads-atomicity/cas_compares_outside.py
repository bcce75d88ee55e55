# title: the comparison of an optimistic update lies outside of the critical section
# expect: atomicity-violation row.version
# lines: 17,30 | 30,30
# why: a commit between the comparison and the store goes unnoticed.
import threading

import raceway


class Row:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.version = 0

    def seen(self) -> int:
        with self.lock:
            return self.version


row = raceway.watch(Row(), name="row")


def commit() -> bool:
    for _ in range(3):
        base = row.seen()
        draft = base + 1
        if row.seen() != base:
            continue
        with row.lock:
            row.version = draft
        return True
    return False


threads = [threading.Thread(target=commit) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("committed")
