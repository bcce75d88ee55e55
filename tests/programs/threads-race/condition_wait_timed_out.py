# title: wait() with a time limit returns False, and the quote is used all the same
# expect: data-race quote.price
# lines: 25,32
# why: the wait ended by its time limit: nothing of the feed comes before it.
import threading
import time

import raceway


class Quote:
    def __init__(self) -> None:
        self.price = 0


quote = raceway.watch(Quote(), name="quote")
changed = threading.Condition()
gave_up: list[bool] = []
seen: list[int] = []


def trade() -> None:
    with changed:
        changed.wait(timeout=0.01)
    seen.append(quote.price)
    gave_up.append(True)


def feed() -> None:
    while not gave_up:
        time.sleep(0.001)
    quote.price = 5
    with changed:
        changed.notify()


threads = [threading.Thread(target=trade), threading.Thread(target=feed)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("traded")
