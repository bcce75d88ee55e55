# title: gevent.wait() without arguments waits for everybody
# expect: clean
# requires: gevent
# needs: JOIN
# why: it returns when no greenlet is left.
import gevent

import raceway


class Log:
    def __init__(self) -> None:
        self.lines = 0


logs = [raceway.watch(Log(), name="log") for _ in range(2)]


def write(log: Log) -> None:
    lines = log.lines
    gevent.sleep(0)
    log.lines = lines + 1


for log in logs:
    gevent.spawn(write, log)
gevent.wait()
for log in logs:
    write(log)
print([log.lines for log in logs])
