# title: a helper waits for a parcel, and its caller takes it in a section of its own
# expect: atomicity-violation shelf
# lines: 16,22
# why: between the two sections another one can take the parcel that both have waited for.
import threading

import raceway

shelf = raceway.watch([], name="shelf")
delivered = threading.Condition()
taken = []


def wait_for_parcel() -> None:
    with delivered:
        while not shelf:
            delivered.wait()


def take_parcel() -> str:
    with delivered:
        return shelf.pop()


def fetch() -> None:
    wait_for_parcel()
    taken.append(take_parcel())


def deliver() -> None:
    with delivered:
        shelf.extend(["book", "lamp"])
        delivered.notify_all()


threads = [threading.Thread(target=fetch) for _ in range(2)]
threads.append(threading.Thread(target=deliver))
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(taken))
