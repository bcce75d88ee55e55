# title: a producer counts what it sends, a consumer what it gets
# expect: clean
# why: each number has one writer, and the monitor reads both under the lock.
import threading

import raceway


class Flow:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sent = 0
        self.got = 0


flow = raceway.watch(Flow(), name="flow")
lags = []


def produce() -> None:
    for _ in range(3):
        with flow.lock:
            flow.sent += 1


def consume() -> None:
    for _ in range(2):
        with flow.lock:
            flow.got += 1


def monitor() -> None:
    with flow.lock:
        lags.append(flow.sent - flow.got)


threads = [threading.Thread(target=f) for f in (produce, consume, monitor)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(flow.sent, flow.got)
