# title: two threads exchange two items of a list
# expect: data-race pair[0] | pair[1]
# lines: 13
# why: the swap reads both and writes both: an item can be lost or doubled.
import threading

import raceway

pair = raceway.watch(["a", "b"], name="pair")


def swap() -> None:
    pair[0], pair[1] = pair[1], pair[0]


threads = [threading.Thread(target=swap), threading.Thread(target=swap)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(pair))
