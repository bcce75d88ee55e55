# title: instances are counted in a class attribute
# expect: data-race job.total
# lines: 15
# severity: critical
# why: a read and a write of what all instances share; two starts can be counted as one.
import threading

import raceway


class Job:
    total = 0

    def start(self) -> None:
        Job.total += 1


raceway.watch(Job, name="job")


threads = [threading.Thread(target=Job().start), threading.Thread(target=Job().start)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")
