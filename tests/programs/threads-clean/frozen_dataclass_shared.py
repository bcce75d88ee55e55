# title: two threads read and copy a frozen dataclass
# expect: clean
# why: nothing is ever written after the object was made.
import dataclasses
import threading

import raceway


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int


point = raceway.watch(Point(1, 2), name="point")


def move() -> None:
    dataclasses.replace(point, x=point.x + 1)
    assert point == Point(1, 2)


threads = [threading.Thread(target=move), threading.Thread(target=move)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(point.x)
