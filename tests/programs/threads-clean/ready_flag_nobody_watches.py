# title: a price list is filled, then a plain attribute says so under a lock, and readers ask it
# expect: clean
# why: a reader gets to the prices only after it has seen ``loaded``, which is set after they were.
import threading

import raceway

prices = raceway.watch({"tea": 0, "milk": 0}, name="prices")


class Catalogue:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded = False

    def load(self) -> None:
        prices["tea"] = 3
        prices["milk"] = 1
        with self._lock:
            self._loaded = True

    def price(self, name: str) -> int | None:
        with self._lock:
            if not self._loaded:
                return None
        return prices[name]

    def is_loaded(self) -> bool:
        with self._lock:
            return self._loaded


def label(catalogue: Catalogue) -> None:
    if catalogue.is_loaded():
        prices["tea"] += 1


catalogue = Catalogue()
gone = threading.Event()
loader = threading.Thread(target=lambda: (catalogue.load(), gone.set()))
loader.start()
while not catalogue.is_loaded():
    pass
reader = threading.Thread(target=lambda: print(catalogue.price("milk")))
reader.start()
reader.join()
label(catalogue)
print(prices["tea"])
loader.join()
