# title: two threads extend one list
# expect: clean
# why: extend() by a list of the thread's own is one atomic step, and two of them commute.
import threading

import raceway

lines = raceway.watch([], name="lines")


def write(name: str) -> None:
    lines.extend([name, name])


threads = [threading.Thread(target=write, args=("a",)), threading.Thread(target=write, args=("b",))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(lines))
