# title: each worker puts the sentinel back for the next one
# expect: clean
# needs: RECEIVE
# why: a worker gets the None that the one before it has put back, after that one's update.
import queue
import threading

import raceway


class Log:
    def __init__(self) -> None:
        self.lines = 0


log = raceway.watch(Log(), name="log")
turn: queue.SimpleQueue = queue.SimpleQueue()


def work() -> None:
    turn.get()
    log.lines += 1
    turn.put(None)


threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads:
    t.start()
turn.put(None)
for t in threads:
    t.join()
print(log.lines)
