# title: one of two opposite orders gives up after a time limit
# expect: clean
# why: who waits with a limit lets go of its own lock in the end.
import threading

lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def a_then_b() -> None:
    with lock_a:
        with lock_b:
            done.append("ab")


def b_then_a() -> None:
    with lock_b:
        if lock_a.acquire(timeout=5):
            done.append("ba")
            lock_a.release()


threads = [threading.Thread(target=a_then_b), threading.Thread(target=b_then_a)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(done))
