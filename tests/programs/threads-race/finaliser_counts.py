# title: finalisers in two threads count in one dict
# expect: data-race stats['closed']
# lines: 15
# severity: critical
# why: each __del__ runs in the thread that lets its object go; what it shares needs a lock.
import threading

import raceway

stats = raceway.watch({"closed": 0}, name="stats")


class Connection:
    def __del__(self) -> None:
        stats["closed"] += 1


def work() -> None:
    connection = Connection()
    del connection


threads = [threading.Thread(target=work), threading.Thread(target=work)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")
