# title: a thread is started under the lock that it takes before it uses the object
# expect: clean
# why: the thread gets the lock only after the whole block of its starter, whatever the schedule.
import threading

import raceway


class Settings:
    def __init__(self) -> None:
        self.limit = 0


settings = raceway.watch(Settings(), name="settings")
lock = threading.Lock()


def work() -> None:
    with lock:
        pass
    settings.limit += 1


with lock:
    worker = threading.Thread(target=work)
    worker.start()
    settings.limit = 10
worker.join()
assert settings.limit == 11
print("settled")
