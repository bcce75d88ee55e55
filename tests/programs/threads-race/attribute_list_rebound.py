# title: a batch is taken by rebinding while another thread extends it in place
# expect: data-race buffer.items
# lines: 15,18
# why: += stores the old list again after flush() has replaced it: the batch is sent twice.
import threading

import raceway


class Buffer:
    def __init__(self) -> None:
        self.items = ["first"]

    def add(self, item: str) -> None:
        self.items += [item]

    def flush(self) -> None:
        self.items = []


buffer = raceway.watch(Buffer(), name="buffer")


threads = [
    threading.Thread(target=buffer.add, args=("second",)),
    threading.Thread(target=buffer.flush),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")
