# title: tickets of a help desk are worked on in the order of their priority
# expect: clean
# requires: gevent
# needs: HANDOFF
# why: each ticket is handed over by its own put and get.
import gevent
from gevent.queue import PriorityQueue

import raceway


class Ticket:
    def __init__(self) -> None:
        self.notes = 0


desk: PriorityQueue = PriorityQueue()


def note(ticket: Ticket) -> None:
    notes = ticket.notes
    gevent.sleep(0)
    ticket.notes = notes + 1


def report(urgency: int) -> None:
    ticket = raceway.watch(Ticket(), name="ticket")
    note(ticket)
    desk.put((urgency, ticket))


def work() -> None:
    for _ in range(3):
        _urgency, ticket = desk.get()
        note(ticket)
        print(ticket.notes)


reporters = [gevent.spawn(report, urgency) for urgency in (3, 1, 2)]
worker = gevent.spawn(work)
gevent.joinall([*reporters, worker])
