# title: two readers nest two read-write locks in opposite order
# expect: clean
# why: readers do not exclude each other, and the lock inside is held for an instant only.
import contextlib
import threading
from collections.abc import Iterator


class ReadWriteLock:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.readers = 0
        self.writing = False

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        with self.changed:
            while self.writing:
                self.changed.wait()
            self.readers += 1
        try:
            yield
        finally:
            with self.changed:
                self.readers -= 1
                self.changed.notify_all()


lock_a = ReadWriteLock()
lock_b = ReadWriteLock()
done = []


def a_then_b() -> None:
    with lock_a.reading(), lock_b.reading():
        done.append("ab")


def b_then_a() -> None:
    with lock_b.reading(), lock_a.reading():
        done.append("ba")


threads = [threading.Thread(target=a_then_b), threading.Thread(target=b_then_a)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(done))
