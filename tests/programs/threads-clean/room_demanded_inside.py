# title: demand_room() raises if the house is full, and is called with the lock held
# expect: clean
# why: the check and the count are one critical section.
import threading

import raceway


class FullError(Exception):
    pass


class House:
    def __init__(self) -> None:
        self.guests = 0
        self.lock = threading.Lock()

    def demand_room(self) -> None:
        if self.guests >= 2:
            raise FullError

    def enter(self) -> bool:
        with self.lock:
            try:
                self.demand_room()
            except FullError:
                return False
            self.guests += 1
            return True


house = raceway.watch(House(), name="house")
answers = []


def visit() -> None:
    answers.append(house.enter())


threads = [threading.Thread(target=visit) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(answers), house.guests)
