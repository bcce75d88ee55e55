# title: a worker is killed without waiting for its end, and its clean-up still writes
# expect: atomicity-violation draft.words
# lines: 30,32
# severity: critical
# requires: gevent
# why: kill(block=False) returns at once; the greenlet then runs its finally clause.
import gevent

import raceway


class Draft:
    def __init__(self) -> None:
        self.words = 0


draft = raceway.watch(Draft(), name="draft")


def type_on() -> None:
    try:
        gevent.sleep(1)
    finally:
        draft.words = 50


writer = gevent.spawn(type_on)
gevent.sleep(0)
writer.kill(block=False)
words = draft.words
gevent.sleep(0)
draft.words = words + 1
writer.join()
print("killed")
