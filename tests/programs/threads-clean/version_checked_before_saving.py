# title: save() calls a method that raises if the version is another one
# expect: clean
# why: the comparison and the store are in one critical section.
import threading

import raceway


class Minutes:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.body = ""
        self.version = 0

    def load(self) -> tuple[str, int]:
        with self.lock:
            return self.body, self.version

    def save(self, body: str, version: int) -> None:
        with self.lock:
            self._must_be(version)
            self.body = body
            self.version += 1

    def _must_be(self, version: int) -> None:
        if self.version != version:
            raise RuntimeError("somebody was faster")


minutes = raceway.watch(Minutes(), name="minutes")


def note(letter: str) -> None:
    saved = False
    while not saved:
        body, version = minutes.load()
        try:
            minutes.save(body + letter, version)
            saved = True
        except RuntimeError:
            pass


threads = [threading.Thread(target=note, args=(letter,)) for letter in "xyz"]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(minutes.body), minutes.version)
