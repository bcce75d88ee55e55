# title: two threads extend a tuple in an attribute
# expect: data-race log.lines
# lines: 16
# severity: critical
# why: a tuple is never changed in place: += makes a new one from the old one and stores it.
import threading

import raceway


class Log:
    def __init__(self) -> None:
        self.lines: tuple[str, ...] = ()

    def add(self, line: str) -> None:
        self.lines += (line,)


log = raceway.watch(Log(), name="log")


threads = [
    threading.Thread(target=log.add, args=("a",)),
    threading.Thread(target=log.add, args=("b",)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")
