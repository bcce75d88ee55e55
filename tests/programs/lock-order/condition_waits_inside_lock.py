# title: a thread waits on a condition while it holds the lock that others take inside
# expect: lock-order-inversion
# lines: 13,14 | 13,23 | 22,23 | 14,22
# why: the waiter keeps the registry lock and needs the condition's lock to wake up.
import threading

registry = threading.Lock()
changed = threading.Condition()
done = []


def wait_for_change() -> None:
    with registry:
        with changed:
            changed.wait(timeout=0.01)
            done.append("waited")


def change() -> None:
    while not done:
        pass
    with changed:
        with registry:
            done.append("changed")
        changed.notify_all()


threads = [threading.Thread(target=wait_for_change), threading.Thread(target=change)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
