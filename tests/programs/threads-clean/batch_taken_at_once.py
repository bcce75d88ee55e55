# title: a batch is copied and cleared in one critical section
# expect: clean
# why: nothing can be added between the copy and the clearing.
import threading

import raceway

batch = raceway.watch([], name="batch")
lock = threading.Lock()
sent = []


def add(item: int) -> None:
    with lock:
        batch.append(item)


def send() -> None:
    with lock:
        items = batch[:]
        batch.clear()
    sent.extend(items)


threads = [threading.Thread(target=add, args=(n,)) for n in (1, 2)] + [
    threading.Thread(target=send)
]
for t in threads:
    t.start()
for t in threads:
    t.join()
send()
print(sorted(sent))
