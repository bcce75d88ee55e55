# title: a barrier breaks by its time limit, and the result of the one who is late is read
# expect: data-race result.value
# lines: 22,36
# why: the late worker never came to the barrier, so the broken wait() orders nothing of it.
import threading
import time

import raceway


class Result:
    def __init__(self) -> None:
        self.value = 0


result = raceway.watch(Result(), name="result")
together = threading.Barrier(2)
read: list[bool] = []


def work() -> None:
    result.value = 42
    while not read:
        time.sleep(0.001)
    try:
        together.wait()
    except threading.BrokenBarrierError:
        pass


t = threading.Thread(target=work)
t.start()
try:
    together.wait(timeout=0.01)
except threading.BrokenBarrierError:
    shown = result.value
read.append(True)
t.join()
print("shown")
