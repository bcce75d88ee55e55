# title: who puts into a channel goes on when the item has been taken
# expect: clean
# requires: gevent
# needs: SEND
# why: a channel has no room: put returns after the get, so that the taker was ready before.
import gevent
from gevent.queue import Channel

import raceway


class Desk:
    def __init__(self) -> None:
        self.papers = 0


desk = raceway.watch(Desk(), name="desk")
signal: Channel = Channel()


def tidy() -> None:
    papers = desk.papers
    gevent.sleep(0)
    desk.papers = papers + 1
    signal.get()


cleaner = gevent.spawn(tidy)
signal.put("now")
papers = desk.papers
gevent.sleep(0)
desk.papers = papers + 1
print(desk.papers)
cleaner.join()
