# title: a constructor starts the thread and then sets what the thread reads
# expect: data-race worker.delay
# lines: 16,21
# why: the new thread knows the object before it is complete; start() orders only what precedes it.
import threading

import raceway


@raceway.watch(name="worker")
class Worker:
    def __init__(self) -> None:
        self.delays: list[float] = []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        self.delay = 0.5

    delay = 0.0

    def run(self) -> None:
        self.delays.append(self.delay)


worker = Worker()
worker.thread.join()
print("ran")
