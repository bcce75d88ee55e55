# title: threads borrow buffers from a stack and give them back
# expect: clean
# why: pop() and append() are atomic; an empty stack is expected.
import threading

import raceway

free = raceway.watch(["a", "b"], name="free")
used = []


def work() -> None:
    for _ in range(5):
        try:
            name = free.pop()
        except IndexError:
            name = "new"
        used.append(name)
        free.append(name)


threads = [threading.Thread(target=work), threading.Thread(target=work)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(used))
