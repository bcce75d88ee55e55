# title: a Queue subclass drops URLs that are already waiting, in its _put and _get hooks
# expect: clean
# why: queue.Queue calls _put and _get with its own mutex held.
import queue
import threading

import raceway


class UniqueQueue(queue.Queue):
    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self.waiting = raceway.watch(set(), name="waiting")
        self.counts = raceway.watch({"accepted": 0, "dropped": 0}, name="counts")

    def _put(self, item: str) -> None:
        if item in self.waiting:
            self.counts["dropped"] += 1
            return
        self.waiting.add(item)
        self.counts["accepted"] += 1
        super()._put(item)

    def _get(self) -> str:
        item = super()._get()
        self.waiting.discard(item)
        return item


urls = UniqueQueue()
fetched: list[str] = []


def discover(pages: list[str]) -> None:
    for page in pages * 4:
        urls.put(page)


def fetch(stop_word: str) -> None:
    while (url := urls.get()) not in ("stop1", "stop2"):
        fetched.append(url)


spiders = [
    threading.Thread(target=discover, args=(pages,))
    for pages in (["/", "/about", "/news"], ["/", "/shop"], ["/news", "/jobs"])
]
fetchers = [threading.Thread(target=fetch, args=(word,)) for word in ("stop1", "stop2")]
for t in spiders + fetchers:
    t.start()
for t in spiders:
    t.join()
urls.put("stop1")
urls.put("stop2")
for t in fetchers:
    t.join()
print(sorted(set(fetched)))
print(urls.counts["accepted"] + urls.counts["dropped"], len(urls.waiting))
