# title: the producer takes back its buffer after a put() that found room
# expect: data-race buffer.used
# lines: 21,30
# why: with room for two items, the second put() does not wait for the first get().
import queue
import threading

import raceway


class Buffer:
    def __init__(self) -> None:
        self.used = 0


buffer = raceway.watch(Buffer(), name="buffer")
pages: queue.Queue = queue.Queue(maxsize=2)


def print_pages() -> None:
    buffer.used = 1
    pages.get()
    pages.get()


printer = threading.Thread(target=print_pages)
printer.start()
pages.put("one")
pages.put("two")
buffer.used = 2
printer.join()
print("printed")
