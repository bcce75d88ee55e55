# title: a signal handler and a worker count the same thing
# expect: data-race stats.count
# lines: 22,26
# severity: critical
# why: the handler runs in the main thread, beside the worker.
import os
import signal
import threading

import raceway


class Stats:
    def __init__(self) -> None:
        self.count = 0


stats = raceway.watch(Stats(), name="stats")


def on_signal(*_: object) -> None:
    stats.count += 1


def work() -> None:
    stats.count += 1


signal.signal(signal.SIGUSR1, on_signal)
t = threading.Thread(target=work)
t.start()
os.kill(os.getpid(), signal.SIGUSR1)
t.join()
print("counted")
