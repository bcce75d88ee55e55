# title: a worker polls a stop flag in its loop
# expect: clean
# why: the flag is set once, to a constant; whoever polls it sees it at the next turn.
import threading
import time

import raceway


class Worker:
    def __init__(self) -> None:
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            time.sleep(0.01)


worker = raceway.watch(Worker(), name="worker")
t = threading.Thread(target=worker.run)
t.start()
time.sleep(0.05)
worker.stopped = True
t.join()
print("stopped")
