# title: an executor of the program's own counts what it is given, and waits in its own way
# expect: clean
# needs: RECEIVE
# why: submit() and shutdown() of the base class do the same under a subclass.
from concurrent.futures import Future, ThreadPoolExecutor

import raceway


class CountingExecutor(ThreadPoolExecutor):
    def __init__(self) -> None:
        super().__init__(max_workers=2)
        self.given = 0

    def submit(self, fn, /, *args, **kwargs) -> Future:
        self.given += 1
        return super().submit(fn, *args, **kwargs)


sizes = raceway.watch({}, name="sizes")


def measure(word: str) -> None:
    sizes[word] = len(word)


with CountingExecutor() as pool:
    for word in ("a", "bb"):
        pool.submit(measure, word)
print(pool.given, sizes["a"] + sizes["bb"])
