# title: a candidate becomes leader if there was none a moment ago
# expect: atomicity-violation cluster.leader
# lines: 25,31
# severity: critical
# why: both candidates may read None, and the second one silently replaces the first.
import threading

import raceway


class Cluster:
    leader = None

    def __init__(self) -> None:
        self.leader = None
        self.mutex = threading.Lock()


cluster = raceway.watch(Cluster(), name="cluster")


def campaign(me: str) -> None:
    cluster.mutex.acquire()
    try:
        current = cluster.leader
    finally:
        cluster.mutex.release()
    winner = current or me
    cluster.mutex.acquire()
    try:
        cluster.leader = winner
    finally:
        cluster.mutex.release()


threads = [threading.Thread(target=campaign, args=(me,)) for me in ("n1", "n2")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("elected")
