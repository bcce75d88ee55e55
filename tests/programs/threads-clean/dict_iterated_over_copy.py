# title: a registry is walked over a copy while others are added and removed
# expect: clean
# why: the documented way: copy() is atomic, and the copy belongs to the thread.
import threading

import raceway

listeners = raceway.watch({"log": 1, "mail": 2}, name="listeners")
called = []


def fire() -> None:
    for name in listeners.copy():
        called.append(name)


def change() -> None:
    listeners["metrics"] = 3
    listeners.pop("mail", None)


threads = [threading.Thread(target=fire), threading.Thread(target=change)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(listeners))
