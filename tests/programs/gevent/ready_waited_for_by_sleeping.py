# title: a greenlet sleeps until another one has said that it is ready
# expect: clean
# requires: gevent
# why: the loop ends only when the flag is set, which is the last that the writer does.
import gevent

import raceway


class Box:
    def __init__(self) -> None:
        self.ready = False
        self.value = 0


box = raceway.watch(Box(), name="box")


def write() -> None:
    value = box.value
    gevent.sleep(0.002)
    box.value = value + 5
    box.ready = True


def read() -> None:
    while not box.ready:
        gevent.sleep(0.001)
    value = box.value
    gevent.sleep(0)
    box.value = value * 2


gevent.joinall([gevent.spawn(write), gevent.spawn(read)])
print(box.value)
