# title: a flusher swaps the buffer under the lock and writes it out without
# expect: clean
# why: after the swap nobody else has the old buffer.
import threading

import raceway


class Spool:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pending = []

    def add(self, line: str) -> None:
        with self.lock:
            self.pending.append(line)

    def flush(self) -> list[str]:
        with self.lock:
            full, self.pending = self.pending, []
        return [line.upper() for line in full]


spool = raceway.watch(Spool(), name="spool")
written = []


def work() -> None:
    for n in range(4):
        spool.add(f"line {n}")


def drain() -> None:
    for _ in range(3):
        written.extend(spool.flush())


threads = [
    threading.Thread(target=work),
    threading.Thread(target=work),
    threading.Thread(target=drain),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
written.extend(spool.flush())
print(len(written))
