# title: a listener is removed while others are called from a copy
# expect: clean
# why: tuple() of a list is one step; remove() changes the original only.
import threading

import raceway


class Bus:
    def __init__(self) -> None:
        self.listeners = ["log", "mail"]

    def fire(self) -> int:
        return sum(len(name) for name in tuple(self.listeners))

    def leave(self, name: str) -> None:
        self.listeners.remove(name)


bus = raceway.watch(Bus(), name="bus")


threads = [threading.Thread(target=bus.fire), threading.Thread(target=bus.leave, args=("log",))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(bus.listeners)
