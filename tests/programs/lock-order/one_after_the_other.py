# title: the thread with the opposite order starts after the first one has ended
# expect: clean
# why: join() and start() order the two; they can never wait for each other.
import threading

lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def a_then_b() -> None:
    with lock_a, lock_b:
        done.append("ab")


def b_then_a() -> None:
    with lock_b, lock_a:
        done.append("ba")


for work in (a_then_b, b_then_a):
    t = threading.Thread(target=work)
    t.start()
    t.join()
print(done)
