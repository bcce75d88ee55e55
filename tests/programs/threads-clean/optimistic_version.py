# title: an optimistic update compares the version in the critical section that stores
# expect: clean
# why: a store that is based on an old version is refused and tried again.
import threading

import raceway


class Document:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.version = 0
        self.text = ""

    def snapshot(self) -> tuple[int, str]:
        with self.lock:
            return self.version, self.text

    def commit(self, base: int, text: str) -> bool:
        with self.lock:
            if self.version != base:
                return False
            self.version = base + 1
            self.text = text
            return True


doc = raceway.watch(Document(), name="doc")


def append(letter: str) -> None:
    while True:
        base, text = doc.snapshot()
        if doc.commit(base, text + letter):
            return


threads = [threading.Thread(target=append, args=(letter,)) for letter in "abc"]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(doc.text), doc.version)
