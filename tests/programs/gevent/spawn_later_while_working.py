# title: a clean-up is spawned for later, and the spawner goes on
# expect: atomicity-violation room.guests
# lines: 25,27
# severity: critical
# requires: gevent
# why: what the spawner does after spawn_later() is not ordered with the greenlet.
import gevent

import raceway


class Room:
    def __init__(self) -> None:
        self.guests = 3


room = raceway.watch(Room(), name="room")


def clean_up() -> None:
    room.guests = 0


later = gevent.spawn_later(0.001, clean_up)
guests = room.guests
gevent.sleep(0.01)
room.guests = guests + 1
later.join()
print("cleaned")
