# title: listeners are called from a copy that is made under the lock
# expect: clean
# why: register() and the copy exclude each other; the copy belongs to one thread.
import threading

import raceway

listeners = raceway.watch(["log", "mail"], name="listeners")
lock = threading.Lock()
called = []


def fire() -> None:
    with lock:
        current = list(listeners)
    called.extend(current)


def register() -> None:
    with lock:
        listeners.append("metrics")


threads = [threading.Thread(target=fire), threading.Thread(target=register)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(called[:2], len(listeners))
