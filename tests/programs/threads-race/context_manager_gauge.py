# title: a context manager counts the requests in flight
# expect: data-race gauge.active
# lines: 16,19 | 16,16 | 19,19
# severity: critical
# why: __enter__ and __exit__ update the gauge without a lock, so it drifts.
import threading

import raceway


class Gauge:
    def __init__(self) -> None:
        self.active = 0

    def __enter__(self) -> None:
        self.active += 1

    def __exit__(self, *exc: object) -> None:
        self.active -= 1


gauge = raceway.watch(Gauge(), name="gauge")
served = []


def serve(request: int) -> None:
    with gauge:
        served.append(request)


threads = [threading.Thread(target=serve, args=(n,)) for n in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(served))
