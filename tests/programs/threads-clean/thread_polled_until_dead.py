# title: the main thread polls is_alive() and then reads the result
# expect: clean
# needs: JOIN
# why: is_alive() returns False only after run() has ended, so it is as good as join().
import threading
import time

import raceway


class Download:
    def __init__(self) -> None:
        self.received = 0


download = raceway.watch(Download(), name="download")


def fetch() -> None:
    for block in (512, 512, 100):
        download.received += block


worker = threading.Thread(target=fetch)
worker.start()
while worker.is_alive():
    time.sleep(0.001)
download.received *= 8
print(download.received)
