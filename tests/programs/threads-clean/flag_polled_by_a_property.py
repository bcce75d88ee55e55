# title: a worker polls a flag through a property until it is set
# expect: clean
# why: to see the flag one pass later does no harm.
import threading
import time

import raceway


class Worker:
    def __init__(self) -> None:
        self._closed = False
        self._lock = threading.Lock()

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        with self._lock:
            self._closed = True

    def run(self) -> None:
        while not self.closed:
            time.sleep(0.001)


worker = raceway.watch(Worker(), name="worker")
thread = threading.Thread(target=worker.run)
thread.start()
worker.close()
thread.join()
print("closed")
