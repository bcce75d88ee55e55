# title: a deque is walked while another thread appends
# expect: data-race events
# lines: 15,22
# why: a deque raises RuntimeError when it changes under an iterator.
import threading
from collections import deque

import raceway

events = raceway.watch(deque([1, 2]), name="events")
total = []


def add_up() -> None:
    for event in events:
        total.append(event)


def emit() -> None:
    while len(total) < 2:
        pass
    events.append(3)


threads = [threading.Thread(target=add_up), threading.Thread(target=emit)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")
