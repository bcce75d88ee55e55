# title: a callback that a closure made counts in a shared dict
# expect: data-race progress['done']
# lines: 16,16
# severity: critical
# why: both threads run the same closure, and += on an item is not atomic.
import threading
from collections.abc import Callable

import raceway

progress = raceway.watch({"done": 0}, name="progress")


def make_callback(step: int) -> Callable[[], None]:
    def advance() -> None:
        progress["done"] += step

    return advance


def copy_files(callback: Callable[[], None]) -> None:
    for _ in range(4):
        callback()


threads = [threading.Thread(target=copy_files, args=(make_callback(n),)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("copied")
