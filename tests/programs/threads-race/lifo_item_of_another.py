# title: the newest job is taken from a LifoQueue, and the oldest one is looked at
# expect: data-race old.state
# lines: 24,44
# why: a LifoQueue returned the second put(); it was made by another thread than the first.
import queue
import threading
import time

import raceway


class Job:
    def __init__(self) -> None:
        self.state = "new"


old = raceway.watch(Job(), name="old")
new = raceway.watch(Job(), name="new")
stack: queue.LifoQueue = queue.LifoQueue()
pushed: list[bool] = []


def push_old() -> None:
    old.state = "ready"
    stack.put(old)
    pushed.append(True)


def push_new() -> None:
    while not pushed:
        time.sleep(0.001)
    new.state = "ready"
    stack.put(new)
    pushed.append(True)


threads = [threading.Thread(target=push_old), threading.Thread(target=push_new)]
for t in threads:
    t.start()
while len(pushed) < 2:
    time.sleep(0.001)
job = stack.get()
job.state = "running"
old.state = "waiting"
for t in threads:
    t.join()
print("taken")
