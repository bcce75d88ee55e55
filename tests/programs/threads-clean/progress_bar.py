# title: a progress bar polls two numbers while a worker moves them on
# expect: clean
# why: each poll is a fresh look under the lock, and the worker alone writes.
import threading

import raceway


class Progress:
    def __init__(self, total: int) -> None:
        self.lock = threading.Lock()
        self.done = 0
        self.total = total


progress = raceway.watch(Progress(20), name="progress")
shown = []


def download() -> None:
    for _ in range(20):
        with progress.lock:
            progress.done += 1


def draw() -> None:
    while True:
        with progress.lock:
            done, total = progress.done, progress.total
        shown.append("#" * done)
        if done >= total:
            break


threads = [threading.Thread(target=download), threading.Thread(target=draw)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(shown[-1])
