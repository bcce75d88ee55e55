# title: writers replace a dict under a lock, and take the old one there
# expect: clean
# why: the copy is made and stored under the lock, and main reads after join().
import threading

import raceway


class Config:
    def __init__(self) -> None:
        self.table = {"a": 1}
        self.lock = threading.Lock()

    def put(self, key: str) -> None:
        with self.lock:
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
print(sorted(config.table))
