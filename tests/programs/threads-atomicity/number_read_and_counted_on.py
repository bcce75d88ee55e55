# title: an invoice gets a number that is counted on in a section of its own
# expect: atomicity-violation book.next
# lines: 22,24
# why: two can read the same number before either counts it on.
import threading

import raceway


class Book:
    def __init__(self) -> None:
        self.next = 1
        self.lock = threading.Lock()
        self.written = []


book = raceway.watch(Book(), name="book")


def write(text: str) -> None:
    with book.lock:
        number = book.next
    with book.lock:
        book.next += 1
    with book.lock:
        book.written.append((number, text))


threads = [threading.Thread(target=write, args=(text,)) for text in ("rent", "tea")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(text for _, text in book.written))
