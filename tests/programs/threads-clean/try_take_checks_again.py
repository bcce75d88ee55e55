# title: the answer of try_take(), which checks for itself, is kept after a first look
# expect: clean
# why: try_take() tests and counts in one section, whatever the first look has said.
import threading

import raceway


class Seats:
    def __init__(self, count: int) -> None:
        self.left = count
        self.lock = threading.Lock()

    def any_left(self) -> bool:
        with self.lock:
            return self.left > 0

    def try_take(self) -> bool:
        with self.lock:
            if self.left <= 0:
                return False
            self.left -= 1
            return True


seats = raceway.watch(Seats(3), name="seats")
answers = []


def book() -> None:
    for _ in range(2):
        if seats.any_left():
            answers.append(seats.try_take())


threads = [threading.Thread(target=book) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(answers))
