# title: an atexit handler reads what a daemon thread is counting
# expect: data-race totals.lines
# lines: 22,28
# why: the interpreter does not wait for daemon threads before it calls atexit handlers.
import atexit
import threading
import time

import raceway


class Totals:
    def __init__(self) -> None:
        self.lines = 0


totals = raceway.watch(Totals(), name="totals")
counted: list[bool] = []


def count() -> None:
    totals.lines += 1
    counted.append(True)


@atexit.register
def show() -> None:
    totals.lines = 0
    print("reset")


threading.Thread(target=count, daemon=True).start()
while not counted:
    time.sleep(0.001)
