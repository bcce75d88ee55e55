# title: a queue counts what it keeps under its mutex, and its owner resets the count without
# expect: data-race counts['kept']
# lines: 20,29 | 24,29
# why: the mutex of the queue is held around _put() and _get() only.
import queue
import threading

import raceway


class CountingQueue(queue.Queue):
    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self.counts = raceway.watch({"kept": 0}, name="counts")

    def _put(self, item: str) -> None:
        super()._put(item)
        # Under the mutex, which every put() and get() holds:
        # two of them never overlap.
        self.counts["kept"] += 1

    def _get(self) -> str:
        item = super()._get()
        self.counts["kept"] -= 1
        return item


def reset() -> None:
    waiting.counts["kept"] = 0


waiting = CountingQueue()
threads = [threading.Thread(target=waiting.put, args=("job",)), threading.Thread(target=reset)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(waiting.get())
