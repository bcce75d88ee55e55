# title: two threads fail, and threading.excepthook counts in both
# expect: data-race failures.count
# lines: 20,20
# severity: critical
# why: the hook runs in each thread that failed; nothing excludes the two calls.
import threading

import raceway


class Failures:
    def __init__(self) -> None:
        self.count = 0


failures = raceway.watch(Failures(), name="failures")


def note(_: threading.ExceptHookArgs) -> None:
    failures.count += 1


def work() -> None:
    raise ValueError


threading.excepthook = note
threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("failed")
