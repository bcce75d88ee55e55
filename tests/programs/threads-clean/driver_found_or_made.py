# title: the driver is found in the attribute, or made by a method that looks again
# expect: clean
# why: make() looks again under the lock, so that one driver is made and stored complete.
import threading

import raceway


class Port:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.driver = None
        self.made = 0

    def find(self) -> tuple[str, int]:
        return self.driver or self.make()

    def make(self) -> tuple[str, int]:
        with self.lock:
            if self.driver is None:
                self.made += 1
                self.driver = ("driver", self.made)
            return self.driver


port = raceway.watch(Port(), name="port")
used = []


def work() -> None:
    used.append(port.find())


threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(used)
