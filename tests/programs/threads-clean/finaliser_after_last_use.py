# title: the last thread to let go of an object runs its __del__ without the lock
# expect: clean
# why: a finaliser begins when no reference is left: every other use is over by then.
import threading

import raceway

lock = threading.Lock()


class Connection:
    def __init__(self) -> None:
        self.sent = 0
        self.log: list[str] = []

    def send(self) -> None:
        with lock:
            self.sent += 1
            self.log.append("sent")

    def close(self) -> None:
        self.log.clear()
        self.sent = -1

    def __del__(self) -> None:
        self.close()


def start() -> list[threading.Thread]:
    connection = raceway.watch(Connection(), name="connection")
    return [threading.Thread(target=connection.send) for _ in range(3)]


threads = start()
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")
