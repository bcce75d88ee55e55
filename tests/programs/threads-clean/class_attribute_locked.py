# title: instances are counted in a class attribute under a class lock
# expect: clean
# why: the lock belongs to the class, as the count does.
import threading

import raceway


class Job:
    total = 0
    lock = threading.Lock()

    def start(self) -> None:
        with Job.lock:
            Job.total += 1


raceway.watch(Job, name="job")


threads = [threading.Thread(target=Job().start), threading.Thread(target=Job().start)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(Job.total)
