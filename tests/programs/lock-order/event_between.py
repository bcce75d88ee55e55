# title: the opposite order begins after an event that ends the first one
# expect: clean
# why: wait() returns only after set(), which comes after both releases: they never overlap.
import threading

first_done = threading.Event()
lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def a_then_b() -> None:
    with lock_a, lock_b:
        done.append("ab")
    first_done.set()


def b_then_a() -> None:
    first_done.wait()
    with lock_b, lock_a:
        done.append("ba")


threads = [threading.Thread(target=a_then_b), threading.Thread(target=b_then_a)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
