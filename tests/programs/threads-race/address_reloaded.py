# title: host and port are reloaded one after the other while a client reads them
# expect: data-race target.host
# lines: 23,28
# expect: data-race target.port
# lines: 24,28
# why: without a lock the client may combine the new host and the old port.
import threading

import raceway


class Target:
    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port


target = raceway.watch(Target("old.example", 80), name="target")
used = []


def reload(host: str, port: int) -> None:
    target.host = host
    target.port = port


def connect() -> None:
    used.append(f"{target.host}:{target.port}")


threads = [
    threading.Thread(target=reload, args=("new.example", 8080)),
    threading.Thread(target=connect),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("connected")
