# title: two threads run a function that takes both orders
# expect: lock-order-inversion
# lines: 13,16 | 14,17 | 13,17 | 14,16 | 13,14
# why: one thread may be in the first half while the other is in the second.
import threading

lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def both() -> None:
    with lock_a:
        with lock_b:
            done.append("ab")
    with lock_b:
        with lock_a:
            done.append("ba")


def second() -> None:
    while len(done) < 2:
        pass
    both()


threads = [threading.Thread(target=both), threading.Thread(target=second)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
