# title: a deque is rotated while another thread looks at its head
# expect: data-race turns[0] | turns
# lines: 15,21
# why: rotate() moves every item, so index 0 is somebody else.
import threading
from collections import deque

import raceway

turns = raceway.watch(deque(["ann", "bob"]), name="turns")
seen = []


def look() -> None:
    seen.append(turns[0])


def turn() -> None:
    while not seen:
        pass
    turns.rotate(1)


threads = [threading.Thread(target=look), threading.Thread(target=turn)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
