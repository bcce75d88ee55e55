# title: chapters are bound in order, whichever was set first
# expect: clean
# requires: gevent
# needs: JOIN
# why: the n-th item of imap comes after the n-th greenlet.
import gevent
from gevent.pool import Group

import raceway

lengths = raceway.watch([0, 0, 0], name="lengths")


def typeset(number: int) -> int:
    for _ in range(4 - number):
        pages = lengths[number]
        gevent.sleep(0)
        lengths[number] = pages + 1
    return number


for number in Group().imap(typeset, range(3)):
    pages = lengths[number]
    gevent.sleep(0)
    lengths[number] = pages + 10
print(list(lengths))
