# title: the greenlets of a shop count for themselves, the parent adds up after joinall
# expect: clean
# requires: gevent
# needs: JOIN
# why: joinall without a limit comes after every one of them.
import gevent

import raceway

sold = raceway.watch([0, 0, 0], name="sold")


def sell(till: int) -> None:
    for _ in range(3):
        before = sold[till]
        gevent.sleep(0)
        sold[till] = before + 1


gevent.joinall([gevent.spawn(sell, till) for till in range(3)], raise_error=True)
for till in range(3):
    before = sold[till]
    gevent.sleep(0)
    sold[till] = before * 2
print(sum(sold))
