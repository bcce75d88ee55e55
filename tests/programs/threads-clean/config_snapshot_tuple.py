# title: a reload replaces a tuple of settings that readers unpack from one read
# expect: clean
# why: both settings come from one read under the lock.
import threading

import raceway


class Config:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.target = ("old", 80)


config = raceway.watch(Config(), name="config")
urls = []


def reload() -> None:
    fresh = ("new", 8080)
    with config.lock:
        config.target = fresh


def connect() -> None:
    with config.lock:
        host, port = config.target
    urls.append(f"{host}:{port}")


threads = [threading.Thread(target=reload), threading.Thread(target=connect)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(urls))
