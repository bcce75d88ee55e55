# title: the attribute lives in a slot
# expect: data-race point.x
# lines: 24,24
# severity: critical
# why: a slot is a shared variable like any other; += on it is not atomic.
import threading

import raceway


class Point:
    __slots__ = ("x", "y")

    def __init__(self) -> None:
        self.x = 0
        self.y = 0


point = raceway.watch(Point(), name="point")


def move() -> None:
    for _ in range(10):
        point.x += 1


threads = [threading.Thread(target=move) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("moved", point.y)
