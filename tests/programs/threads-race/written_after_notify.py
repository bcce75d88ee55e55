# title: the producer notifies first, leaves the lock, and then fills the box
# expect: data-race box.item
# lines: 25,32
# why: notify() orders what came before it; the item comes later, outside the lock.
import threading

import raceway


class Box:
    def __init__(self) -> None:
        self.item = ""


box = raceway.watch(Box(), name="box")
announced: list[bool] = []
changed = threading.Condition()
taken: list[str] = []


def produce() -> None:
    with changed:
        announced.append(True)
        changed.notify_all()
    box.item = "apple"


def consume() -> None:
    with changed:
        while not announced:
            changed.wait()
    taken.append(box.item)


threads = [threading.Thread(target=consume), threading.Thread(target=produce)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("taken")
