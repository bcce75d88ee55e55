# title: is_alive() is asked, says yes, and the progress is reset all the same
# expect: data-race download.received
# lines: 20,27
# why: is_alive() that returns True says nothing about what the thread has done so far.
import threading

import raceway


class Download:
    def __init__(self) -> None:
        self.received = 0


download = raceway.watch(Download(), name="download")
may_end = threading.Event()


def fetch() -> None:
    download.received = 512
    may_end.wait()


worker = threading.Thread(target=fetch)
worker.start()
if worker.is_alive():
    download.received = 0
may_end.set()
worker.join()
print("reset")
