# title: a semaphore without a limit is taken for a lock
# expect: atomicity-violation page.views
# lines: 24,26
# severity: critical
# requires: gevent
# why: DummySemaphore lets everybody in.
import gevent
from gevent.lock import DummySemaphore

import raceway


class Page:
    def __init__(self) -> None:
        self.views = 0


page = raceway.watch(Page(), name="page")
lock = DummySemaphore()


def view() -> None:
    with lock:
        views = page.views
        gevent.sleep(0)
        page.views = views + 1


gevent.joinall([gevent.spawn(view) for _ in range(2)])
print("viewed")
