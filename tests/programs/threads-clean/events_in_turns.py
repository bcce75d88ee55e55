# title: two threads take turns by two events that are cleared and set again
# expect: clean
# needs: RECEIVE
# why: each wait() that returns is ordered after the set() that ended it, round after round.
import threading

import raceway


class Ball:
    def __init__(self) -> None:
        self.hits = 0


ball = raceway.watch(Ball(), name="ball")
ping, pong = threading.Event(), threading.Event()


def play(mine: threading.Event, other: threading.Event) -> None:
    for _ in range(3):
        mine.wait()
        mine.clear()
        ball.hits += 1
        other.set()


threads = [
    threading.Thread(target=play, args=(ping, pong)),
    threading.Thread(target=play, args=(pong, ping)),
]
for t in threads:
    t.start()
ping.set()
for t in threads:
    t.join()
print(ball.hits)
