# title: a signal handler notes the reason and sets the event that a thread waits on
# expect: clean
# needs: RECEIVE
# why: the handler runs in the main thread; set() comes before the wait() that it ends.
import os
import signal
import threading

import raceway


class Reload:
    def __init__(self) -> None:
        self.reason = ""


reload = raceway.watch(Reload(), name="reload")
asked = threading.Event()
reasons: list[str] = []


def on_signal(*_: object) -> None:
    reload.reason = "signal"
    asked.set()


def work() -> None:
    asked.wait()
    reasons.append(reload.reason)


signal.signal(signal.SIGUSR1, on_signal)
t = threading.Thread(target=work)
t.start()
os.kill(os.getpid(), signal.SIGUSR1)
t.join()
print(reasons)
