# title: two visitors wait by wait_for() for tickets that are sold one at a time
# expect: clean
# why: the predicate is asked again after each wait, with the lock that is held until the pop.
import threading

import raceway

tickets = raceway.watch([], name="tickets")
sold = threading.Condition()
here = []
taken = []


def fetch() -> None:
    with sold:
        here.append("visitor")
        sold.wait_for(lambda: len(tickets) > 0)
        taken.append(tickets.pop())


def everybody_waits() -> bool:
    with sold:
        return len(here) == 2


def sell() -> None:
    while not everybody_waits():
        pass
    for number in (1, 2):
        with sold:
            tickets.append(number)
            sold.notify_all()


threads = [threading.Thread(target=fetch) for _ in range(2)]
threads.append(threading.Thread(target=sell))
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(taken))
