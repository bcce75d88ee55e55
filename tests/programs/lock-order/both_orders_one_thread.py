# title: one thread takes both orders, nobody else takes both locks
# expect: clean
# why: one thread cannot wait for itself; the other one takes only one of the locks.
import threading

lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def both() -> None:
    with lock_a, lock_b:
        done.append("ab")
    with lock_b, lock_a:
        done.append("ba")


def single() -> None:
    with lock_a:
        done.append("a")
    with lock_b:
        done.append("b")


threads = [threading.Thread(target=both), threading.Thread(target=single)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(done))
