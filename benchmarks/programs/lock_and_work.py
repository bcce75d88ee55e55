"""Four threads that compute a little between short critical sections: 5 us for each."""

import threading
import zlib

from telling import protected, work

JOBS = 20_000
DATA = bytes(range(256)) * 16


class Totals:
    """What the threads add up."""

    def __init__(self):
        self.jobs = 0
        self.checksum = 0


def main():
    """Compute."""
    lock = threading.Lock()
    totals = protected(Totals(), lock)

    def compute():
        for _ in range(JOBS):
            checksum = zlib.crc32(DATA, zlib.adler32(DATA))
            text = "".join(map(str, (checksum, checksum >> 3, checksum >> 7)))
            with lock:
                totals.jobs += 1
                totals.checksum ^= checksum + len(text)

    threads = [threading.Thread(target=compute) for _ in range(4)]
    with work():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert totals.jobs == 4 * JOBS


if __name__ == "__main__":
    main()
