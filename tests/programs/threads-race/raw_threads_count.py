# title: two threads of _thread.start_new_thread count without a lock
# expect: data-race stats.count
# lines: 20,20
# severity: critical
# why: nothing orders the two threads; each has a lock of its own only to say that it is done.
import _thread

import raceway


class Stats:
    def __init__(self) -> None:
        self.count = 0


stats = raceway.watch(Stats(), name="stats")


def work(done: _thread.LockType) -> None:
    stats.count += 1
    done.release()


locks = [_thread.allocate_lock() for _ in range(2)]
for lock in locks:
    lock.acquire()
    _thread.start_new_thread(work, (lock,))
for lock in locks:
    lock.acquire()
print("counted")
