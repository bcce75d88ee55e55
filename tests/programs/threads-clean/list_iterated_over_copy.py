# title: callbacks are called over a copy while one of them is removed
# expect: clean
# why: a slice of everything, copy() and list() are atomic; the copy belongs to the thread.
import threading

import raceway

callbacks = raceway.watch(["log", "mail"], name="callbacks")
called = []


def fire() -> None:
    for name in callbacks[:]:
        called.append(name)
    for name in list(callbacks):
        called.append(name)
    for name in tuple(callbacks):
        called.append(name)
    for name in callbacks.copy():
        called.append(name)


def change() -> None:
    callbacks.append("metrics")
    callbacks.remove("mail")


threads = [threading.Thread(target=fire), threading.Thread(target=change)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(callbacks)
