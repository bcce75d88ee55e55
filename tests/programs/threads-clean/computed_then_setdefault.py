# title: a missing entry is computed without the lock and stored with setdefault()
# expect: clean
# why: whoever comes second gets the entry of the first; nothing is overwritten.
import threading

import raceway

squares = raceway.watch({}, name="squares")
lock = threading.Lock()


def square(n: int) -> int:
    with lock:
        known = squares.get(n)
    if known is not None:
        return known
    fresh = n * n
    with lock:
        return squares.setdefault(n, fresh)


def work() -> None:
    for n in range(3):
        assert square(n) == n * n


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(squares))
