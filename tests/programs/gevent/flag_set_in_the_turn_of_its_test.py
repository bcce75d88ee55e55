# title: greenlets that find a busy flag set go away
# expect: clean
# requires: gevent
# why: the flag is tested and set without a switch in between, and reset when all is written.
import gevent

import raceway


class Index:
    def __init__(self) -> None:
        self.building = False
        self.version = 0


index = raceway.watch(Index(), name="index")


def rebuild(start: float) -> None:
    gevent.sleep(start)
    if index.building:
        return
    index.building = True
    version = index.version
    gevent.sleep(0.002)
    index.version = version + 1
    index.building = False


gevent.joinall([gevent.spawn(rebuild, start) for start in (0, 0, 0.03)])
print(index.version > 0)
