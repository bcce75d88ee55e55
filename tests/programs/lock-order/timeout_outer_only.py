# title: the outer locks are taken with a limit, the inner ones without
# expect: lock-order-inversion
# lines: 13,22 | 14,23 | 13,23 | 14,22
# why: the limit does not help any more once the outer lock is held.
import threading

lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def a_then_b() -> None:
    if lock_a.acquire(timeout=5):
        with lock_b:
            done.append("ab")
        lock_a.release()


def b_then_a() -> None:
    while not done:
        pass
    if lock_b.acquire(timeout=5):
        with lock_a:
            done.append("ba")
        lock_b.release()


threads = [threading.Thread(target=a_then_b), threading.Thread(target=b_then_a)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
