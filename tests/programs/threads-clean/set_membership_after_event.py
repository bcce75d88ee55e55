# title: members are added before an event, and tested after it
# expect: clean
# needs: SEND, RECEIVE
# why: wait() returns after set(): every add came before.
import threading

import raceway

ready = threading.Event()
known = raceway.watch(set(), name="known")
seen = []


def load() -> None:
    known.update({"a", "b"})
    known.add("c")
    known.discard("b")
    ready.set()


def check() -> None:
    ready.wait()
    seen.append("c" in known and "b" not in known and len(known) == 2)


threads = [threading.Thread(target=load), threading.Thread(target=check)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
