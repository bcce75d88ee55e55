# title: wait_for() returns when a ticket is there, and the lock is left before it is taken
# expect: atomicity-violation tickets
# lines: 16,18
# why: between the two sections somebody else can take the ticket.
import threading

import raceway

tickets = raceway.watch([], name="tickets")
sold = threading.Condition()
taken = []


def fetch() -> None:
    with sold:
        sold.wait_for(lambda: len(tickets) > 0)
    with sold:
        taken.append(tickets.pop())


def sell() -> None:
    with sold:
        tickets.extend([1, 2])
        sold.notify_all()


threads = [threading.Thread(target=fetch) for _ in range(2)]
threads.append(threading.Thread(target=sell))
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(taken))
