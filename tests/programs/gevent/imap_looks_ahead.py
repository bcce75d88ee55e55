# title: the reader of the first chapter numbers the second one, which is still being set
# expect: atomicity-violation lengths[1]
# lines: 17,19
# severity: critical
# requires: gevent
# why: the first item of imap says nothing about the second greenlet.
import gevent
from gevent.pool import Group

import raceway

lengths = raceway.watch([0, 0], name="lengths")


def typeset(number: int) -> int:
    for _ in range(1 + 3 * number):
        pages = lengths[number]
        gevent.sleep(0)
        lengths[number] = pages + 1
    return number


chapters = Group().imap(typeset, range(2))
next(chapters)
lengths[1] = 10
print(list(chapters))
