# title: every worker counts itself out and the last one sets an event
# expect: clean
# why: the last one to look sees zero, and setting the event twice does no harm.
import threading

import raceway


class Group:
    def __init__(self, running: int) -> None:
        self.lock = threading.Lock()
        self.running = running
        self.finished = threading.Event()

    def leave(self) -> None:
        with self.lock:
            self.running -= 1
        with self.lock:
            last = self.running == 0
        if last:
            self.finished.set()


group = raceway.watch(Group(3), name="group")
threads = [threading.Thread(target=group.leave) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(group.finished.wait(5))
