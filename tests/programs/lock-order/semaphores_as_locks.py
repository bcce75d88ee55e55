# title: two semaphores of one permit are taken in opposite order
# expect: lock-order-inversion
# lines: 13,21 | 14,22 | 13,22 | 14,21
# why: one permit makes a mutex: each thread can hold one and wait for the other.
import threading

lock_a = threading.Semaphore(1)
lock_b = threading.Semaphore(1)
done = []


def a_then_b() -> None:
    with lock_a:
        with lock_b:
            done.append("ab")


def b_then_a() -> None:
    while not done:
        pass
    with lock_b:
        with lock_a:
            done.append("ba")


threads = [threading.Thread(target=a_then_b), threading.Thread(target=b_then_a)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
