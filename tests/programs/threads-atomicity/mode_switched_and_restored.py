# title: a mode is saved, switched and restored in three critical sections
# expect: atomicity-violation config.mode
# lines: 26,32
# severity: critical
# why: the restored mode may undo a change that another thread has made meanwhile.
import contextlib
import threading
from collections.abc import Iterator

import raceway


class Config:
    def __init__(self) -> None:
        self.mode = "plain"
        self.lock = threading.Lock()


config = raceway.watch(Config(), name="config")
steps = []


@contextlib.contextmanager
def using(mode: str) -> Iterator[None]:
    with config.lock:
        old = config.mode
        config.mode = mode
    try:
        yield
    finally:
        with config.lock:
            config.mode = old


def work(mode: str) -> None:
    with using(mode):
        steps.append(mode)


threads = [threading.Thread(target=work, args=(m,)) for m in ("fast", "safe")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(steps))
