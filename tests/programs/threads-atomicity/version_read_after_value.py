# title: the version is taken anew right before it is compared
# expect: atomicity-violation sheet.total
# lines: 34,22
# severity: critical
# why: the version that is compared was read after the value, so a change in between goes unnoticed.
import threading

import raceway


class Sheet:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.version = 0
        self.total = 0

    def store(self, version: int, total: int) -> bool:
        with self.lock:
            if self.version != version:
                return False
            # Nobody has changed it since the version was read.
            self.total = total
            self.version = version + 1
            return True


sheet = raceway.watch(Sheet(), name="sheet")


def add(amount: int) -> None:
    done = False
    while not done:
        with sheet.lock:
            total = sheet.total
        with sheet.lock:
            version = sheet.version
        done = sheet.store(version, total + amount)


threads = [threading.Thread(target=add, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sheet.version)
