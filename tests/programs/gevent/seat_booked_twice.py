# title: a free seat is found, the greenlet switches, then the seat is booked
# expect: atomicity-violation seat.owner
# lines: 21,23
# requires: gevent
# why: both greenlets pass the check before either of them books.
import gevent

import raceway


class Seat:
    def __init__(self) -> None:
        self.owner = ""


seat = raceway.watch(Seat(), name="seat")
tickets = []


def book(name: str) -> None:
    if not seat.owner:
        gevent.sleep(0)
        seat.owner = name
        tickets.append(name)


gevent.joinall([gevent.spawn(book, name) for name in ("alice", "bob")])
print(sorted(tickets))
