# title: a worker polls a locked state until it is open
# expect: clean
# why: every look is made afresh, and the state is set once.
import threading
import time

import raceway


class Gate:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open = False


gate = raceway.watch(Gate(), name="gate")
passed = []


def wait_for_gate(name: str) -> None:
    while True:
        with gate.lock:
            if gate.open:
                break
        time.sleep(0.001)
    passed.append(name)


def unlock() -> None:
    with gate.lock:
        gate.open = True


threads = [threading.Thread(target=wait_for_gate, args=("a",)), threading.Thread(target=unlock)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(passed)
