# title: wait_for() returns when a ticket is there, and it is taken before the lock is left
# expect: clean
# why: nobody else gets in between the last look and the pop.
import threading

import raceway

tickets = raceway.watch([], name="tickets")
sold = threading.Condition()
taken = []


def wait_for_ticket() -> None:
    sold.wait_for(lambda: len(tickets) > 0)


def fetch() -> None:
    with sold:
        wait_for_ticket()
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
