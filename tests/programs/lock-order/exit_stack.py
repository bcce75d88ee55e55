# title: locks are collected in an ExitStack in the order that each caller gives
# expect: lock-order-inversion
# lines: 16
# why: the order depends on the caller; two callers can wait for each other.
import contextlib
import threading

lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def take(*locks: threading.Lock) -> None:
    with contextlib.ExitStack() as stack:
        for lock in locks:
            stack.enter_context(lock)
        done.append(len(locks))


def second() -> None:
    while not done:
        pass
    take(lock_b, lock_a)


threads = [threading.Thread(target=take, args=(lock_a, lock_b)), threading.Thread(target=second)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
