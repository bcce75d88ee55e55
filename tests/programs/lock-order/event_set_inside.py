# title: the event is set while the first order still holds its locks
# expect: lock-order-inversion
# lines: 17,30 | 21,31 | 17,31 | 21,30
# why: set() comes before the inner lock is taken: the two can overlap.
import threading

begun = threading.Event()
lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


waiting = []


def a_then_b() -> None:
    with lock_a:
        begun.set()
        while not waiting:
            pass
        with lock_b:
            done.append("ab")


def b_then_a() -> None:
    begun.wait()
    waiting.append(True)
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
