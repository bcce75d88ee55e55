"""A million increments under one lock, in two threads."""

import threading

from telling import protected, work

EACH = 500_000


class Counter:
    """One number."""

    def __init__(self):
        self.count = 0


def main():
    """Count."""
    lock = threading.Lock()
    counter = protected(Counter(), lock)

    def increment():
        for _ in range(EACH):
            with lock:
                counter.count += 1

    threads = [threading.Thread(target=increment) for _ in range(2)]
    with work():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counter.count == 2 * EACH


if __name__ == "__main__":
    main()
