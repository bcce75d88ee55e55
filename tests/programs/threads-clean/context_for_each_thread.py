# title: each thread runs in a copy of the context, with a basket of its own
# expect: clean
# why: copy_context().run() sets the variable in this thread's copy only.
import contextvars
import threading

import raceway


class Basket:
    def __init__(self) -> None:
        self.items = 0


current: contextvars.ContextVar[Basket] = contextvars.ContextVar("current")
counts: list[int] = []


def shop(count: int) -> None:
    current.set(raceway.watch(Basket(), name="basket"))
    for _ in range(count):
        current.get().items += 1
    counts.append(current.get().items)


threads = [
    threading.Thread(target=contextvars.copy_context().run, args=(shop, count)) for count in (1, 2)
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(counts))
