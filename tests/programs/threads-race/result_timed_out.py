# title: result() with a time limit raises, and the report is read all the same
# expect: data-race report.rows
# lines: 21,30
# why: a result() that timed out says only that the job has not ended.
import threading
from concurrent import futures

import raceway


class Report:
    def __init__(self) -> None:
        self.rows = 0


report = raceway.watch(Report(), name="report")
may_end = threading.Event()


def load() -> None:
    report.rows = 10
    may_end.wait()


with futures.ThreadPoolExecutor() as pool:
    future = pool.submit(load)
    try:
        future.result(timeout=0.01)
    except futures.TimeoutError:
        rows = report.rows
    may_end.set()
print("read")
