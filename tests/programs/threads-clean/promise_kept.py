# title: a Future that is set by hand hands a quote over
# expect: clean
# needs: RECEIVE
# why: result() returns because of set_result(), after what the worker did before it.
import threading
from concurrent.futures import Future

import raceway


class Quote:
    def __init__(self) -> None:
        self.price = 0


quote = raceway.watch(Quote(), name="quote")
promise: Future = Future()


def ask() -> None:
    quote.price = 5
    promise.set_result("asked")


t = threading.Thread(target=ask)
t.start()
promise.result()
quote.price += 1
print(quote.price)
t.join()
