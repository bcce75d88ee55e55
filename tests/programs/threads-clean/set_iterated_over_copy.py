# title: subscribers are mailed over a copy while somebody joins and leaves
# expect: clean
# why: set.copy() is atomic; the copy belongs to the thread.
import threading

import raceway

subscribers = raceway.watch({"bob", "eve"}, name="subscribers")
mailed = []


def mail() -> None:
    for name in subscribers.copy():
        mailed.append(name)
    mailed.extend(sorted(subscribers))


def change() -> None:
    subscribers.add("joe")
    subscribers.discard("eve")


threads = [threading.Thread(target=mail), threading.Thread(target=change)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(subscribers))
