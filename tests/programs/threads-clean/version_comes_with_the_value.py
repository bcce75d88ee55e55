# title: a value is loaded with its version, and stored if the version is still that one
# expect: clean
# why: what is stored is made of a value whose version is compared under the lock.
import threading
from dataclasses import dataclass

import raceway


@dataclass
class Loaded:
    value: int
    version: int


class Store:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0
        self.version = 0

    def load(self) -> Loaded:
        with self.lock:
            return Loaded(self.value, self.version)

    def store(self, value: int, version: int) -> bool:
        with self.lock:
            if self.version != version:
                return False
            self.value = value
            self.version += 1
            return True


store = raceway.watch(Store(), name="store")


def add(amount: int) -> None:
    while True:
        loaded = store.load()
        if store.store(loaded.value + amount, loaded.version):
            return


threads = [threading.Thread(target=add, args=(amount,)) for amount in (1, 2, 3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(store.value)
