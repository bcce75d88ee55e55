# title: listeners are called while another thread registers a new one
# expect: data-race listeners | listeners[*]
# lines: 14,19
# why: the loop reads the length of the list at every step, append() changes it.
import threading

import raceway

listeners = raceway.watch(["log", "mail"], name="listeners")
called = []


def fire() -> None:
    for listener in listeners:
        called.append(listener)


def register() -> None:
    listeners.append("metrics")


threads = [threading.Thread(target=fire), threading.Thread(target=register)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(called[:2])
