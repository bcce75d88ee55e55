# title: the main thread waits for the timer before it goes on
# expect: clean
# needs: JOIN
# why: start() orders the setup before the timer, join() the timer before the rest.
import threading

import raceway


class Lease:
    def __init__(self) -> None:
        self.state = "new"


lease = raceway.watch(Lease(), name="lease")


def expire() -> None:
    lease.state += ", expired"


lease.state = "held"
timer = threading.Timer(0.05, expire)
timer.start()
timer.join()
lease.state += ", released"
print(lease.state)
