# title: one dispatcher takes pending entries out of a dict that clients fill
# expect: clean
# why: popitem and insertions are atomic, and only the dispatcher takes out.
import threading
import time

import raceway

pending = raceway.watch({}, name="pending")
sent = []


def dispatch() -> None:
    while len(sent) < 4:
        if pending:
            sent.append(pending.popitem())
        time.sleep(0.001)


def client(name: str) -> None:
    for n in range(2):
        pending[f"{name}{n}"] = n


threads = [threading.Thread(target=dispatch)]
threads += [threading.Thread(target=client, args=(name,)) for name in "ab"]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(sent))
