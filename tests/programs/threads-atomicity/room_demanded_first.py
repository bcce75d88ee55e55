# title: demand_room() raises if the house is full, enter() counts in a section of its own
# expect: atomicity-violation house.guests
# lines: 21,26
# why: another guest can enter between the two critical sections.
import threading

import raceway


class FullError(Exception):
    pass


class House:
    def __init__(self) -> None:
        self.guests = 0
        self.lock = threading.Lock()

    def demand_room(self) -> None:
        with self.lock:
            if self.guests >= 10:
                raise FullError

    def enter(self) -> None:
        with self.lock:
            self.guests += 1


house = raceway.watch(House(), name="house")
both = threading.Barrier(2)


def visit() -> None:
    house.demand_room()
    both.wait()
    house.enter()


threads = [threading.Thread(target=visit) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("visited")
