"""A hundred thousand times acquire and release of a lock that nobody else wants."""

import threading

from telling import work

COUNT = 100_000


def main():
    """Acquire and release."""
    lock = threading.Lock()
    with work():
        for _ in range(COUNT):
            lock.acquire()
            lock.release()


if __name__ == "__main__":
    main()
