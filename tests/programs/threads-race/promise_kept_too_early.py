# title: a Future is set before the quote is there
# expect: data-race quote.price
# lines: 22,28
# why: result() is ordered after what came before set_result(), not after what follows.
import threading
from concurrent.futures import Future

import raceway


class Quote:
    def __init__(self) -> None:
        self.price = 0


quote = raceway.watch(Quote(), name="quote")
promise: Future = Future()


def ask() -> None:
    promise.set_result("asked")
    quote.price = 5


t = threading.Thread(target=ask)
t.start()
promise.result()
shown = quote.price
t.join()
print("shown")
