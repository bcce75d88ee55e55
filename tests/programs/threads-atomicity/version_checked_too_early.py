# title: the version is compared in one critical section, the row is stored in another
# expect: atomicity-violation row.version
# lines: 21,25
# why: two writers can both find the version unchanged before either of them stores.
import threading

import raceway


class Row:
    def __init__(self) -> None:
        self.version = 1


row = raceway.watch(Row(), name="row")
lock = threading.Lock()


def save() -> bool:
    with lock:
        version = row.version
    if version > 100:
        return False
    with lock:
        row.version = version + 1
    return True


threads = [threading.Thread(target=save) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("saved")
