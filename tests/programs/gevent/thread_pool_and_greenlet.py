# title: a greenlet counts requests while a job of the thread pool resets the counter
# expect: data-race stats.requests
# lines: 20,24
# requires: gevent
# why: greenlets take turns with each other, but not with native threads.
import gevent

import raceway


class Stats:
    def __init__(self) -> None:
        self.requests = 0


stats = raceway.watch(Stats(), name="stats")


def serve() -> None:
    stats.requests += 1


def reset() -> None:
    stats.requests = 0


flush = gevent.get_hub().threadpool.spawn(reset)
gevent.joinall([gevent.spawn(serve), flush])
print("served")
