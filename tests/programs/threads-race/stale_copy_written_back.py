# title: a dict is copied, changed and stored again by two threads
# expect: data-race config.table
# lines: 16
# severity: critical
# why: copy-on-write without a lock: the second store drops what the first has added.
import threading

import raceway


class Config:
    def __init__(self) -> None:
        self.table = {"a": 1}

    def put(self, key: str) -> None:
        self.table = {**self.table, key: 2}


config = raceway.watch(Config(), name="config")


threads = [
    threading.Thread(target=config.put, args=("b",)),
    threading.Thread(target=config.put, args=("c",)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")
