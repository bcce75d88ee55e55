# title: a store gives its value with a version and takes a new one only for that version
# expect: clean
# why: whoever comes second is refused, and tries again with what is there now.
import threading

import raceway


class Document:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.revision = 0
        self.tags: tuple[str, ...] = ()

    def read(self) -> tuple[int, tuple[str, ...]]:
        with self._lock:
            return self.revision, self.tags

    def replace(self, revision: int, tags: tuple[str, ...]) -> bool:
        with self._lock:
            if revision != self.revision:
                return False
            self.tags = tags
            self.revision += 1
            return True


document = raceway.watch(Document(), name="document")


def tag(word: str) -> None:
    while True:
        revision, tags = document.read()
        if document.replace(revision, tuple(sorted({*tags, word}))):
            return


threads = [threading.Thread(target=tag, args=(word,)) for word in ("cold", "wet", "dark")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(document.revision, document.tags)
