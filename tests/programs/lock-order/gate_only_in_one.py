# title: only one of two opposite orders is under a third lock
# expect: lock-order-inversion
# lines: 15,23 | 16,24 | 15,24 | 16,23
# why: a gate that the other thread does not take keeps nobody out.
import threading

gate = threading.Lock()
lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def a_then_b() -> None:
    with gate:
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
