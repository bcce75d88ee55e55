# title: two jobs of a pool take two locks in opposite order
# expect: lock-order-inversion
# lines: 14,22 | 15,23 | 14,23 | 15,22
# why: the pool may run both at the same time; main waits for both only at the end.
import threading
from concurrent.futures import ThreadPoolExecutor

lock_a = threading.Lock()
lock_b = threading.Lock()
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


with ThreadPoolExecutor(2) as pool:
    jobs = [pool.submit(a_then_b), pool.submit(b_then_a)]
    for job in jobs:
        job.result()
print(done)
