# title: the consumer waits until qsize() says 1 and then reads without get()
# expect: data-race report.pages
# lines: 21,29
# why: the size is a guess by the documentation; only get() is ordered after put().
import queue
import threading

import raceway


class Report:
    def __init__(self) -> None:
        self.pages = 0


report = raceway.watch(Report(), name="report")
written: queue.Queue = queue.Queue()


def write() -> None:
    report.pages = 3
    written.put("done")


writer = threading.Thread(target=write)
writer.start()
while written.qsize() < 1 or written.empty():
    pass
pages = report.pages
writer.join()
print("read")
