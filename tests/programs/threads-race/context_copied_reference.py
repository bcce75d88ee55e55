# title: two threads run in copies of a context that hold the same basket
# expect: data-race basket.items
# lines: 22,22
# severity: critical
# why: a copied context holds the same objects; only the variables are its own.
import contextvars
import threading

import raceway


class Basket:
    def __init__(self) -> None:
        self.items = 0


current: contextvars.ContextVar[Basket] = contextvars.ContextVar("current")
current.set(raceway.watch(Basket(), name="basket"))


def shop() -> None:
    current.get().items += 1


threads = [threading.Thread(target=contextvars.copy_context().run, args=(shop,)) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("shopped")
