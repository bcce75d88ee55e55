# title: the last user of a handle is found in the critical section that decrements
# expect: clean
# why: only one thread can see the count reach zero; closing needs no lock any more.
import threading

import raceway


class Handle:
    def __init__(self, users: int) -> None:
        self.refs = users
        self.lock = threading.Lock()
        self.closed = 0

    def release(self) -> None:
        with self.lock:
            self.refs -= 1
            last = self.refs == 0
        if last:
            self.closed += 1


handle = raceway.watch(Handle(3), name="handle")
threads = [threading.Thread(target=handle.release) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(handle.closed)
