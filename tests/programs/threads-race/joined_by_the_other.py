# title: one viewer joins the loader, the other one trusts that it did
# expect: data-race catalog.titles
# lines: 19,27
# why: join() tells only its caller; the second viewer is ordered after nothing of the loader.
import threading

import raceway


class Catalog:
    def __init__(self) -> None:
        self.titles = 0


catalog = raceway.watch(Catalog(), name="catalog")


def load() -> None:
    catalog.titles = 3


def careful(loader: threading.Thread) -> None:
    loader.join()


def careless() -> None:
    shown.append(catalog.titles)


shown: list[int] = []
loader = threading.Thread(target=load)
loader.start()
threads = [threading.Thread(target=careful, args=(loader,)), threading.Thread(target=careless)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("shown")
