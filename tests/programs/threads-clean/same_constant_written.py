# title: every thread notes that there was work to do
# expect: clean
# why: all of them write the same constant; the flag is read after join().
import threading

import raceway


class Batch:
    def __init__(self) -> None:
        self.dirty = False


batch = raceway.watch(Batch(), name="batch")


def change() -> None:
    batch.dirty = True


threads = [threading.Thread(target=change) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(batch.dirty)
