# title: a failed update is undone under the same lock that was never given up
# expect: clean
# why: the old value is read, replaced and put back in one critical section.
import threading

import raceway


class Config:
    def __init__(self) -> None:
        self.mode = "plain"


config = raceway.watch(Config(), name="config")
lock = threading.Lock()
tried = []


def attempt(mode: str) -> None:
    with lock:
        old = config.mode
        config.mode = mode
        try:
            if mode == "broken":
                raise ValueError(mode)
            tried.append(mode)
        except ValueError:
            config.mode = old


threads = [threading.Thread(target=attempt, args=(m,)) for m in ("broken", "fast")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(config.mode)
