# title: an invoice is written with the next number before that is counted on
# expect: atomicity-violation book.next
# lines: 18,22
# why: the number is read in one section and counted on in another one.
import threading

import raceway


class Book:
    def __init__(self) -> None:
        self.next = 1
        self.lock = threading.Lock()
        self.written = []

    def peek(self) -> int:
        with self.lock:
            return self.next

    def advance(self) -> None:
        with self.lock:
            self.next += 1

    def write(self, text: str) -> None:
        number = self.peek()
        with self.lock:
            self.written.append((number, text))
        self.advance()


book = raceway.watch(Book(), name="book")
threads = [threading.Thread(target=book.write, args=(text,)) for text in ("rent", "tea")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(text for _, text in book.written))
