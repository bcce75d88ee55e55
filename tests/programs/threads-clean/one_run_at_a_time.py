# title: a scheduler starts a job only if no run of it is left, which it counts under a lock
# expect: clean
# why: a run is started after the one before has said that it is over, so two never overlap.
import threading
from concurrent.futures import ThreadPoolExecutor

import raceway


class Report:
    def __init__(self) -> None:
        self.runs = 0
        self.rows = 0


report = raceway.watch(Report(), name="report")
lock = threading.Lock()
running: dict[str, int] = {}
pool = ThreadPoolExecutor(2)


def build() -> None:
    report.runs += 1
    report.rows += report.runs


def over(_future: object) -> None:
    with lock:
        running["report"] -= 1


def start() -> bool:
    with lock:
        if running.get("report", 0) >= 1:
            return False
        running["report"] = running.get("report", 0) + 1
        future = pool.submit(build)
    future.add_done_callback(over)
    return True


started = 0
while started < 5:
    started += start()
pool.shutdown()
print(report.runs, report.rows)
