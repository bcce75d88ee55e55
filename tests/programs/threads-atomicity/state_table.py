# title: the next state is computed outside of the locked property
# expect: atomicity-violation door.state
# lines: 25,29
# severity: critical
# why: two events that read the same state overwrite the transition of each other.
import threading

import raceway

TABLE = {
    ("closed", "push"): "open",
    ("open", "push"): "open",
    ("open", "pull"): "closed",
    ("closed", "pull"): "closed",
}


class Door:
    def __init__(self) -> None:
        self.state = "closed"
        self.lock = threading.Lock()

    def look(self) -> str:
        with self.lock:
            return self.state

    def become(self, state: str) -> None:
        with self.lock:
            self.state = state

    def handle(self, event: str) -> None:
        before = self.look()
        after = TABLE[before, event]
        self.become(after)


door = raceway.watch(Door(), name="door")
threads = [threading.Thread(target=door.handle, args=(event,)) for event in ("push", "pull")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("handled")
