# title: the worker releases the lock that the main thread waits on before it has a result
# expect: data-race job.result
# lines: 21,28
# why: only what came before release() is ordered before the acquire() that it lets in.
import threading

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


job = raceway.watch(Job(), name="job")
finished = threading.Lock()


def work() -> None:
    finished.release()
    job.result = 42


finished.acquire()
t = threading.Thread(target=work)
t.start()
finished.acquire()
shown = job.result
t.join()
print("shown")
