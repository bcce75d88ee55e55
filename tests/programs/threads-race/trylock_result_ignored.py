# title: a non-blocking acquire fails and the update is made all the same
# expect: data-race tally.votes
# lines: 25,32
# severity: critical
# why: the second thread does not get the lock, ignores that and updates beside the first.
import threading

import raceway


class Tally:
    def __init__(self) -> None:
        self.votes = 0


tally = raceway.watch(Tally(), name="tally")
lock = threading.Lock()
held = threading.Barrier(2)
done = threading.Barrier(2)


def patient() -> None:
    with lock:
        held.wait()
        tally.votes += 1
        done.wait()


def hasty() -> None:
    held.wait()
    got = lock.acquire(blocking=False)
    tally.votes += 1
    if got:
        lock.release()
    done.wait()


threads = [threading.Thread(target=patient), threading.Thread(target=hasty)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("voted")
