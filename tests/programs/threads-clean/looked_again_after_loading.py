# title: a page is looked for, loaded without the lock, and looked for again before it is kept
# expect: clean
# why: the second section tests again, and puts in what it does not find before it reads.
import threading

import raceway


class Shelf:
    def __init__(self, size: int) -> None:
        self.size = size
        self.lock = threading.Lock()
        self.pages: dict[str, str] = {}
        self.asked = 0

    def page(self, name: str) -> str:
        with self.lock:
            self.asked += 1
            if name in self.pages:
                return self.pages[name]
        text = name.upper()
        with self.lock:
            if name not in self.pages:
                self.pages[name] = text
                if len(self.pages) > self.size:
                    self.pages.pop(next(iter(self.pages)))
            return self.pages[name]


shelf = raceway.watch(Shelf(2), name="shelf")
read = []


def work(names: str) -> None:
    for name in names:
        read.append(shelf.page(name))


threads = [threading.Thread(target=work, args=(names,)) for names in ("abca", "bcab")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(read), shelf.asked)
