# title: a lock and a condition are entered in both orders
# expect: lock-order-inversion
# lines: 15,23 | 14,22
# why: a condition has a mutex, and it is part of the cycle like any other.
import threading
import time

registry = threading.Lock()
changed = threading.Condition()
done = []


def add() -> None:
    with registry:
        with changed:
            done.append("add")
            changed.notify_all()


def drain() -> None:
    time.sleep(0.2)
    with changed:
        with registry:
            done.append("drain")


threads = [threading.Thread(target=add), threading.Thread(target=drain)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(done))
