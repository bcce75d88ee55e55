# title: three threads take three locks in a ring
# expect: lock-order-inversion
# lines: 16,23,30 | 15,22,29
# why: a before b, b before c, c before a: each thread can wait for the next one for ever.
import threading
import time

lock_a = threading.Lock()
lock_b = threading.Lock()
lock_c = threading.Lock()
done = []


def a_then_b() -> None:
    with lock_a:
        with lock_b:
            done.append("ab")


def b_then_c() -> None:
    time.sleep(0.1)
    with lock_b:
        with lock_c:
            done.append("bc")


def c_then_a() -> None:
    time.sleep(0.3)
    with lock_c:
        with lock_a:
            done.append("ca")


threads = [threading.Thread(target=work) for work in (a_then_b, b_then_c, c_then_a)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(done))
