# title: a worker is killed before what it was working on is used again
# expect: clean
# requires: gevent
# needs: JOIN
# why: kill() waits until the greenlet is dead.
import gevent

import raceway


class Draft:
    def __init__(self) -> None:
        self.words = 0


draft = raceway.watch(Draft(), name="draft")


def type_on() -> None:
    while True:
        words = draft.words
        gevent.sleep(0)
        draft.words = words + 1


writer = gevent.spawn(type_on)
gevent.sleep(0)
gevent.sleep(0)
writer.kill()
words = draft.words
gevent.sleep(0)
draft.words = words + 1
print(draft.words > 0)
