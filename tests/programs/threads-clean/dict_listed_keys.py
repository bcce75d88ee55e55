# title: list(d) is walked while another thread inserts
# expect: clean
# why: list() of a dict takes the keys in one atomic step.
import threading

import raceway

peers = raceway.watch({"a": 1}, name="peers")
pinged = []


def ping() -> None:
    for name in list(peers):
        pinged.append(name)
    for name, _ in list(peers.items()):
        pinged.append(name)


def join() -> None:
    peers["b"] = 2


threads = [threading.Thread(target=ping), threading.Thread(target=join)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(peers))
