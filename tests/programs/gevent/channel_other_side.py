# title: who was put into a channel goes on while the putter cleans up
# expect: atomicity-violation desk.papers
# lines: 24,26
# severity: critical
# requires: gevent
# why: what both sides do after they have met is ordered by nothing.
import gevent
from gevent.queue import Channel

import raceway


class Desk:
    def __init__(self) -> None:
        self.papers = 0


desk = raceway.watch(Desk(), name="desk")
signal: Channel = Channel()


def tidy() -> None:
    signal.get()
    papers = desk.papers
    gevent.sleep(0.01)
    desk.papers = papers + 1


cleaner = gevent.spawn(tidy)
signal.put("now")
gevent.sleep(0)
desk.papers = 50
cleaner.join()
print("tidy")
