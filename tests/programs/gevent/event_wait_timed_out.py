# title: the reader goes on although the event was not set in time
# expect: atomicity-violation config.version
# lines: 23,25
# severity: critical
# requires: gevent
# why: wait(timeout) returned False: the loader is in the middle of it.
import gevent
from gevent.event import Event

import raceway


class Config:
    def __init__(self) -> None:
        self.version = 1


config = raceway.watch(Config(), name="config")
loaded, may_load = Event(), Event()


def load() -> None:
    version = config.version
    may_load.wait()
    config.version = version + 1
    loaded.set()


loader = gevent.spawn(load)
loaded.wait(timeout=0.01)
config.version = 5
may_load.set()
loader.join()
print("configured")
