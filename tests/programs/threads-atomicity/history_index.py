# title: a log entry is numbered by the length of the log
# expect: atomicity-violation log | log[*]
# lines: 17,21
# why: two entries can get the same number.
import threading

import raceway


class Journal:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.entries = raceway.watch([], name="log")

    def __len__(self) -> int:
        with self.lock:
            return len(self.entries)

    def add(self, entry: tuple[int, str]) -> None:
        with self.lock:
            self.entries.append(entry)


journal = Journal()


def write(text: str) -> None:
    journal.add((len(journal), text))


threads = [threading.Thread(target=write, args=(t,)) for t in ("a", "b")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(journal))
