# title: what was fetched is put into the cache by link_value and counted by link_exception
# expect: clean
# requires: gevent
# needs: JOIN
# why: each callback comes after its own greenlet, and the two greenlets use different entries.
import gevent
from gevent.event import Event

import raceway

cache = raceway.watch({"good": 0, "bad": 0}, name="cache")
both = [Event(), Event()]


def fetch(key: str) -> int:
    tries = cache[key]
    gevent.sleep(0)
    cache[key] = tries + 1
    if key == "bad":
        raise ConnectionError(key)
    return 200


def store(key: str, event: Event) -> None:
    tries = cache[key]
    gevent.sleep(0)
    cache[key] = tries + 10
    event.set()


gevent.get_hub().NOT_ERROR += (ConnectionError,)
good, bad = gevent.spawn(fetch, "good"), gevent.spawn(fetch, "bad")
good.link_value(lambda _: store("good", both[0]))
bad.link_exception(lambda _: store("bad", both[1]))
good.link_exception(lambda _: store("bad", both[1]))
gevent.joinall([good, bad])
for event in both:
    event.wait()
print(cache["good"], cache["bad"])
