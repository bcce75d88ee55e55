# title: the reader waits for the event of the other download
# expect: data-race second.size
# lines: 26,34
# why: an event orders after those who set it; the second download set the second event.
import threading

import raceway


class Download:
    def __init__(self) -> None:
        self.size = 0


first = raceway.watch(Download(), name="first")
second = raceway.watch(Download(), name="second")
first_done, second_done = threading.Event(), threading.Event()


def fetch_first() -> None:
    first.size = 10
    first_done.set()


def fetch_second() -> None:
    second.size = 20
    second_done.set()


threads = [threading.Thread(target=fetch_first), threading.Thread(target=fetch_second)]
for t in threads:
    t.start()
first_done.wait()
total = first.size + second.size
for t in threads:
    t.join()
print("added")
