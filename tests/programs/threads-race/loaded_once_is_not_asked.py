# title: a table is loaded once under a lock, and a thread reads it that has asked for nothing
# expect: data-race table.rows
# lines: 24,29
# why: the reader takes no lock and does not call once().
import threading

import raceway


class Table:
    def __init__(self) -> None:
        self.rows = 0
        self.loaded = False


table = raceway.watch(Table(), name="table")
lock = threading.Lock()
seen = []


def load() -> None:
    with lock:
        if not table.loaded:
            table.rows = 7
            table.loaded = True


def read() -> None:
    seen.append(table.rows)


threads = [threading.Thread(target=load), threading.Thread(target=read)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(seen))
