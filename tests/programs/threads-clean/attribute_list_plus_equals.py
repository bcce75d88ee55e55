# title: two threads extend a list attribute with +=
# expect: clean
# why: the list is extended in place and the same list is stored again: nothing can be lost.
import threading

import raceway


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        self.lines += [line]


log = raceway.watch(Log(), name="log")


threads = [
    threading.Thread(target=log.add, args=("a",)),
    threading.Thread(target=log.add, args=("b",)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(log.lines))
