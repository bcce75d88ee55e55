# title: the head of a list is deleted while another thread reads it
# expect: data-race queue[0] | queue
# lines: 14,20
# why: del shifts every item: index 0 is another job afterwards.
import threading

import raceway

queue = raceway.watch(["first", "second"], name="queue")
seen = []


def peek() -> None:
    seen.append(queue[0])


def drop() -> None:
    while not seen:
        pass
    del queue[0]


threads = [threading.Thread(target=peek), threading.Thread(target=drop)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
