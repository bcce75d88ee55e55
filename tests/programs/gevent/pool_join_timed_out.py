# title: the pool is joined with a limit, and what was slower is overwritten
# expect: atomicity-violation report.lines
# lines: 24,26
# severity: critical
# requires: gevent
# why: join(timeout) returned although a greenlet was in the middle of an update.
import gevent
from gevent.event import Event
from gevent.pool import Group

import raceway


class Report:
    def __init__(self) -> None:
        self.lines = 0


report = raceway.watch(Report(), name="report")
go_on = Event()


def write() -> None:
    lines = report.lines
    go_on.wait()
    report.lines = lines + 1


group = Group()
group.spawn(gevent.sleep, 0)
slow = group.spawn(write)
group.join(timeout=0.01)
report.lines = 50
go_on.set()
slow.join()
print("written")
