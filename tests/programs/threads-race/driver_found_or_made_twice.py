# title: the driver is found in the attribute, or made by a method that does not look again
# expect: data-race port.driver
# lines: 15,18 | 18,18
# why: two threads find nothing, and each stores a driver of its own.
import threading

import raceway


class Port:
    def __init__(self) -> None:
        self.driver = None

    def find(self) -> tuple[str, str]:
        return self.driver or self.make()

    def make(self) -> tuple[str, str]:
        self.driver = ("driver", threading.current_thread().name)
        return self.driver


port = raceway.watch(Port(), name="port")
used = []


def work() -> None:
    used.append(port.find()[0])


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(used)
