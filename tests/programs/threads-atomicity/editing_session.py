# title: a context manager reads on entry and writes on exit, each under the lock
# expect: atomicity-violation doc.revision
# lines: 24,29
# severity: critical
# why: the lock is not held inside the with block that lies between the read and the write.
import threading

import raceway


class Document:
    def __init__(self) -> None:
        self.revision = 1
        self.lock = threading.Lock()


class Editing:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.base = 0

    def __enter__(self) -> None:
        with self.document.lock:
            self.base = self.document.revision
        self.open = True

    def __exit__(self, *error: object) -> None:
        with self.document.lock:
            self.document.revision = self.base + 1


doc = raceway.watch(Document(), name="doc")
texts = []


def edit(text: str) -> None:
    with Editing(doc):
        texts.append(text)


threads = [threading.Thread(target=edit, args=(text,)) for text in ("one", "two")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("edited")
