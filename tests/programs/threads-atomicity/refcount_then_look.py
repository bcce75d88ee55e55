# title: the last user of a handle is found by a second look at the count
# expect: atomicity-violation handle.refs
# lines: 18,20
# why: two threads that both decrement first both see zero, and the handle is closed twice.
import threading

import raceway


class Handle:
    def __init__(self, users: int) -> None:
        self.refs = users
        self.lock = threading.Lock()
        self.closed = []

    def release(self) -> None:
        with self.lock:
            self.refs -= 1
        with self.lock:
            unused = self.refs == 0
        if unused:
            self._close()

    def _close(self) -> None:
        self.closed.append("closed")


handle = raceway.watch(Handle(2), name="handle")
threads = [threading.Thread(target=handle.release) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("released")
