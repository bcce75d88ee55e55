# title: the consumer ends when it is told of the shutdown, and reads the reason
# expect: clean
# min-python: 3.13
# needs: RECEIVE
# why: get() raises ShutDown because of shutdown(), so it comes after what precedes that.
import queue
import threading

import raceway


class Feed:
    def __init__(self) -> None:
        self.reason = ""


feed = raceway.watch(Feed(), name="feed")
ticks: queue.Queue = queue.Queue()
reasons: list[str] = []


def consume() -> None:
    try:
        while True:
            ticks.get()
    except queue.ShutDown:
        reasons.append(feed.reason)


consumer = threading.Thread(target=consume)
consumer.start()
ticks.put(1)
feed.reason = "closed"
ticks.shutdown()
consumer.join()
print(reasons)
