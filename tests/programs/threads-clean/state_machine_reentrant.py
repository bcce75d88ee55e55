# title: transitions look at the state through a property while they hold the RLock
# expect: clean
# why: handle() holds the lock from the first look to the last store.
import threading

import raceway


class Door:
    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._state = "closed"

    @property
    def state(self) -> str:
        with self._lock:
            return self._state

    @state.setter
    def state(self, state: str) -> None:
        with self._lock:
            self._state = state

    def handle(self, event: str) -> None:
        with self._lock:
            match self.state, event:
                case "closed", "push":
                    self.state = "open"
                case "open", "pull":
                    self.state = "closed"


door = raceway.watch(Door(), name="door")


def use() -> None:
    for event in ("push", "pull"):
        door.handle(event)


threads = [threading.Thread(target=use) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("used")
