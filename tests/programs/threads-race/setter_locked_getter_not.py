# title: the setter takes the lock, the getter forgets it
# expect: data-race thermostat._goal
# lines: 17,22
# why: the read is not covered by the lock that covers the write.
import threading

import raceway


class Thermostat:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._goal = 20

    @property
    def goal(self) -> int:
        return self._goal

    @goal.setter
    def goal(self, degrees: int) -> None:
        with self._lock:
            self._goal = degrees


thermostat = raceway.watch(Thermostat(), name="thermostat")
seen = []


def heat() -> None:
    seen.append(thermostat.goal)


def adjust(degrees: int) -> None:
    thermostat.goal = degrees + len("x")


threads = [threading.Thread(target=heat), threading.Thread(target=adjust, args=(21,))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(seen))
