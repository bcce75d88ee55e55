# title: results reach the collector through link(queue.put)
# expect: clean
# requires: gevent
# needs: JOIN
# why: put is called when the greenlet is over, and get takes the very greenlet.
import gevent
from gevent.queue import Queue

import raceway


class Page:
    def __init__(self, url: str) -> None:
        self.url = url
        self.words = 0


finished: Queue = Queue()


def crawl(page: Page) -> Page:
    words = page.words
    gevent.sleep(0)
    page.words = words + len(page.url)
    return page


for url in ("home", "about"):
    gevent.spawn(crawl, raceway.watch(Page(url), name="page")).link(finished.put)
words = 0
for _ in range(2):
    page = finished.get().value
    seen = page.words
    gevent.sleep(0)
    page.words = 0
    words += seen
print(words)
