# title: a helper takes the lock that its caller passes, the caller passes the same one always
# expect: clean
# why: there is one lock, whatever it is called.
import threading

import raceway


class Progress:
    def __init__(self) -> None:
        self.done = 0
        self.largest = 0


progress = raceway.watch(Progress(), name="progress")


def report(lock: threading.Lock, size: int) -> None:
    with lock:
        progress.done += 1
        progress.largest = max(progress.largest, size)


def copy(sizes: list[int], guard: threading.Lock) -> None:
    for size in sizes:
        report(guard, size)


mutex = threading.Lock()
threads = [threading.Thread(target=copy, args=(s, mutex)) for s in ([1, 5], [3, 2])]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(progress.done, progress.largest)
