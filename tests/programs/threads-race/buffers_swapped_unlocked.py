# title: a flusher swaps the buffer while a worker appends to it
# expect: data-race spool.active
# lines: 16,19
# why: the worker may append to a buffer that the flusher has already taken away.
import threading

import raceway


class Spool:
    def __init__(self) -> None:
        self.active = []
        self.written = 0

    def add(self, line: str) -> None:
        self.active.append(line)

    def flush(self) -> None:
        full, self.active = self.active, []
        self.written = len(full)


spool = raceway.watch(Spool(), name="spool")


def work() -> None:
    for n in range(3):
        spool.add(f"line {n}")


threads = [threading.Thread(target=work), threading.Thread(target=spool.flush)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("spooled")
