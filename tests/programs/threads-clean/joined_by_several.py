# title: two consumers join the loader and then both read what it has loaded
# expect: clean
# needs: JOIN
# why: every join() that returns because the thread has ended is ordered after its end.
import threading

import raceway


class Catalog:
    def __init__(self) -> None:
        self.titles = 0


catalog = raceway.watch(Catalog(), name="catalog")
seen: list[int] = []


def load() -> None:
    catalog.titles = 3


def show(loader: threading.Thread) -> None:
    loader.join()
    seen.append(catalog.titles)


loader = threading.Thread(target=load)
loader.start()
viewers = [threading.Thread(target=show, args=(loader,)) for _ in range(2)]
for viewer in viewers:
    viewer.start()
for viewer in viewers:
    viewer.join()
print(seen)
