# title: the lease is renewed while its timer may just expire it
# expect: data-race lease.state
# lines: 20,25
# why: the timer thread and the main thread both write; cancel() comes too late to order them.
import threading
import time

import raceway


class Lease:
    def __init__(self) -> None:
        self.state = "held"


lease = raceway.watch(Lease(), name="lease")


def expire() -> None:
    lease.state = "expired"


timer = threading.Timer(0.05, expire)
timer.start()
lease.state = "renewed"
time.sleep(0.3)
timer.cancel()
timer.join()
print("finished")
