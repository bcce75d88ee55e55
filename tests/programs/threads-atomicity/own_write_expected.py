# title: a job stores its user and reads it back in a later critical section
# expect: atomicity-violation current.user
# lines: 22,25
# why: the other job can store its own user in between, and the greeting goes to the wrong one.
import threading

import raceway


class Current:
    def __init__(self) -> None:
        self.user = ""


current = raceway.watch(Current(), name="current")
lock = threading.Lock()
greetings = []


def greet(user: str) -> None:
    with lock:
        current.user = user
    greeting = "hello "
    with lock:
        greeting += current.user
    greetings.append(greeting)


threads = [threading.Thread(target=greet, args=(name,)) for name in ("alice", "bob")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(greetings))
