# title: producer and consumer meet at a condition with a predicate loop
# expect: clean
# why: every access of the count holds the condition's lock; wait() gives it up and takes it again.
import threading

import raceway


class Box:
    def __init__(self) -> None:
        self.items = 0


box = raceway.watch(Box(), name="box")
changed = threading.Condition()


def produce() -> None:
    for _ in range(5):
        with changed:
            while box.items >= 2:
                changed.wait()
            box.items += 1
            changed.notify_all()


def consume() -> None:
    for _ in range(5):
        with changed:
            while box.items == 0:
                changed.wait()
            box.items -= 1
            changed.notify_all()


threads = [threading.Thread(target=produce), threading.Thread(target=consume)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(box.items)
