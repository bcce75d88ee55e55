# title: an optimistic loop stores only if the value is still the one it has read
# expect: clean
# why: the early read is compared again under the lock before anything is stored.
import threading

import raceway


class Cell:
    def __init__(self) -> None:
        self.value = 0


cell = raceway.watch(Cell(), name="cell")
lock = threading.Lock()


def compare_and_swap(old: int, new: int) -> bool:
    with lock:
        if cell.value != old:
            return False
        cell.value = new
        return True


def increment() -> None:
    while True:
        with lock:
            old = cell.value
        if compare_and_swap(old, old + 1):
            return


threads = [threading.Thread(target=increment) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(cell.value)
