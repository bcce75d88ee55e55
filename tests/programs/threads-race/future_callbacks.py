# title: done callbacks of two futures count in two worker threads
# expect: data-race progress.done
# lines: 28,28
# severity: critical
# why: a callback runs in the thread that finished the future; both workers run it unordered.
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import raceway


class Progress:
    def __init__(self) -> None:
        self.done = 0


progress = raceway.watch(Progress(), name="progress")
attached = threading.Event()
both_running = threading.Barrier(2)


def work() -> None:
    both_running.wait()
    attached.wait()


def count(_: Future) -> None:
    progress.done += 1


with ThreadPoolExecutor(max_workers=2) as pool:
    for future in [pool.submit(work), pool.submit(work)]:
        future.add_done_callback(count)
    attached.set()
print("finished")
