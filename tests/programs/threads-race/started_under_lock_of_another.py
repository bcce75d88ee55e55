# title: a thread is started under one lock, and takes another one
# expect: data-race settings.limit
# lines: 24,30
# severity: critical
# why: the block of the starter protects nothing, since the thread does not wait for its lock.
import threading

import raceway


class Settings:
    def __init__(self) -> None:
        self.limit = 0


settings = raceway.watch(Settings(), name="settings")
lock = threading.Lock()
other = threading.Lock()


def work() -> None:
    with other:
        pass
    settings.limit += 1


with lock:
    worker = threading.Thread(target=work)
    worker.start()
    settings.limit = 10
worker.join()
print("settled")
