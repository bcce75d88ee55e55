# title: the writer announces the document before its last change
# expect: atomicity-violation document.size
# lines: 25,27
# severity: critical
# requires: gevent
# why: what happens after set() is not ordered by the event.
import gevent
from gevent.event import Event

import raceway


class Document:
    def __init__(self) -> None:
        self.size = 0


document = raceway.watch(Document(), name="document")
written = Event()


def write() -> None:
    document.size = 10
    written.set()
    size = document.size
    gevent.sleep(0)
    document.size = size + 1


def cut() -> None:
    written.wait()
    document.size = 5


gevent.joinall([gevent.spawn(cut), gevent.spawn(write)])
print("written")
