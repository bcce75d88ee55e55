# title: what is stale is loaded anew by whoever finds it so, and everybody reads what is there then
# expect: clean
# why: who has not loaded reads what others have; so may who has.
import threading

import raceway


class Cached:
    def __init__(self) -> None:
        self.fields = threading.Lock()
        self.loading = threading.Lock()
        self.loaded = 0
        self.value = ""

    def version(self) -> int:
        with self.fields:
            return self.loaded

    def get(self, wanted: int) -> str:
        with self.loading:
            if self.version() < wanted:
                fresh = load()
                with self.fields:
                    self.value = fresh
                    self.loaded = wanted
        with self.fields:
            return self.value


def load() -> str:
    return f"value {next(numbers)}"


numbers = iter(range(100))
cached = raceway.watch(Cached(), name="cached")
values = []


def use(first: int) -> None:
    for wanted in range(first, 7, 2):
        values.append(cached.get(wanted))


threads = [threading.Thread(target=use, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("" in values, len(values))
