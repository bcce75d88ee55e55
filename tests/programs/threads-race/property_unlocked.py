# title: a property hides the attribute that two threads update
# expect: data-race tank._level | tank.level
# lines: 17,21 | 21,21 | 29,29
# severity: critical
# why: tank.level += n calls the getter and then the setter, with no lock around the two.
import threading

import raceway


class Tank:
    def __init__(self) -> None:
        self._level = 0

    @property
    def level(self) -> int:
        return self._level

    @level.setter
    def level(self, value: int) -> None:
        self._level = value


tank = raceway.watch(Tank(), name="tank")


def fill() -> None:
    for _ in range(10):
        tank.level += 1


threads = [threading.Thread(target=fill) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("filled")
