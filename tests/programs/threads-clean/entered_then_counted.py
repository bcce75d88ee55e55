# title: a runner enters the list and asks in a section of its own whether all are there
# expect: clean
# why: the list only grows: whoever is last finds it full, whatever else is entered in between.
import threading

import raceway

arrived = raceway.watch([], name="arrived")
lock = threading.Lock()
everybody = threading.Event()


def run(number: int) -> None:
    with lock:
        arrived.append(number)
    with lock:
        complete = len(arrived) >= 3
    if complete:
        everybody.set()
    everybody.wait()


threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(arrived))
