# title: two workers look at the head of a deque before they take it
# expect: data-race due[0] | due
# lines: 15,16
# why: the head that was looked at may be taken by the other worker.
import threading
from collections import deque

import raceway

due = raceway.watch(deque([1, 2, 3, 4]), name="due")


def work() -> None:
    for _ in range(2):
        if due[0] < 10:
            due.popleft()


threads = [threading.Thread(target=work), threading.Thread(target=work)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")
