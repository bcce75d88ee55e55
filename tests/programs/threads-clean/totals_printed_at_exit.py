# title: an atexit handler reads what a thread that nobody joined has counted
# expect: clean
# needs: RECEIVE
# why: the interpreter waits for threads that are no daemons before it calls atexit handlers.
import atexit
import threading

import raceway


class Totals:
    def __init__(self) -> None:
        self.lines = 0


totals = raceway.watch(Totals(), name="totals")


def count() -> None:
    for _ in range(3):
        totals.lines += 1


@atexit.register
def show() -> None:
    totals.lines *= 10
    print(totals.lines)


threading.Thread(target=count).start()
