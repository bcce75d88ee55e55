# title: the thread is started before the attribute that it reads is set
# expect: data-race poller.interval
# lines: 18,22
# why: start() orders only what stands before it; the new thread may still see the old interval.
import threading

import raceway


class Poller:
    def __init__(self) -> None:
        self.interval = 0.0
        self.used: list[float] = []

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self.run)
        thread.start()
        self.interval = 0.5
        return thread

    def run(self) -> None:
        self.used.append(self.interval)


poller = raceway.watch(Poller(), name="poller")
poller.start().join()
print("polled")
