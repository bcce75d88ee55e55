# title: an RLock is taken again while an inner lock is held
# expect: clean
# why: the second acquisition by its owner cannot block; the real order is always outer, inner.
import threading

outer = threading.RLock()
inner = threading.Lock()
done = []


def nested() -> None:
    with outer:
        with inner:
            with outer:
                done.append("nested")


def plain() -> None:
    with outer, inner:
        done.append("plain")


threads = [threading.Thread(target=nested), threading.Thread(target=plain)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(done))
