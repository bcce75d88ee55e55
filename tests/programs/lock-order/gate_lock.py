# title: opposite orders, but always under a third lock
# expect: clean
# why: who holds the gate is alone with the two inner locks.
import threading

gate = threading.Lock()
lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def a_then_b() -> None:
    with gate, lock_a, lock_b:
        done.append("ab")


def b_then_a() -> None:
    with gate, lock_b, lock_a:
        done.append("ba")


threads = [threading.Thread(target=a_then_b), threading.Thread(target=b_then_a)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(done))
