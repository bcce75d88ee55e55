# title: the limit is read in one critical section and applied in another
# expect: clean
# why: a limit that is a moment old is as good as a new one, and the use is counted atomically.
import threading

import raceway


class Settings:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.limit = 3


class Usage:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.used = 0


settings = raceway.watch(Settings(), name="settings")
usage = raceway.watch(Usage(), name="usage")


def allow() -> bool:
    with settings.lock:
        limit = settings.limit
    with usage.lock:
        if usage.used >= limit:
            return False
        usage.used += 1
    return True


def configure() -> None:
    with settings.lock:
        settings.limit = 4


threads = [threading.Thread(target=f) for f in (allow, configure, allow, allow)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(usage.used)
