# title: a batch is copied under the lock, sent, and cleared under the lock
# expect: atomicity-violation batch | batch[*]
# lines: 21,24
# why: what is added while the batch is being sent is cleared without having been sent.
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
        items = list(batch)
    sent.extend(items)
    with lock:
        batch.clear()


threads = [threading.Thread(target=add, args=(1,)), threading.Thread(target=send)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("sent")
