# title: threading.excepthook counts a failure, and the main thread joins before it reads
# expect: clean
# needs: JOIN
# why: the hook runs in the thread that failed, before that thread ends.
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
t = threading.Thread(target=work)
t.start()
t.join()
failures.count += 10
print(failures.count)
