# title: a flag keeps a second thread out while the first one works
# expect: clean
# why: test and set are one critical section; only the owner of the flag clears it.
import threading

import raceway


class Flusher:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.busy = False
        self.flushed = 0

    def flush(self) -> None:
        with self.lock:
            if self.busy:
                return
            self.busy = True
        try:
            with self.lock:
                self.flushed += 1
        finally:
            with self.lock:
                self.busy = False


flusher = raceway.watch(Flusher(), name="flusher")
threads = [threading.Thread(target=flusher.flush) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(flusher.flushed > 0)
