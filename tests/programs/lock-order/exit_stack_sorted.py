# title: locks are collected in an ExitStack in one global order
# expect: clean
# why: sorted() by id gives every caller the same order.
import contextlib
import threading

lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def take(*locks: threading.Lock) -> None:
    with contextlib.ExitStack() as stack:
        for lock in sorted(locks, key=id):
            stack.enter_context(lock)
        done.append(len(locks))


threads = [
    threading.Thread(target=take, args=(lock_a, lock_b)),
    threading.Thread(target=take, args=(lock_b, lock_a)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
