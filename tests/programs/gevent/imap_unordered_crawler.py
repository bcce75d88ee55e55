# title: pages of a crawler are indexed as they arrive
# expect: clean
# requires: gevent
# needs: JOIN
# why: imap_unordered yields what a greenlet has returned, and only then the page is indexed.
import gevent
from gevent.pool import Pool

import raceway


class Page:
    def __init__(self, url: str) -> None:
        self.url = url
        self.links = 0


def crawl(url: str) -> Page:
    page = raceway.watch(Page(url), name="page")
    for _ in url:
        links = page.links
        gevent.sleep(0)
        page.links = links + 1
    return page


found = 0
for page in Pool(2).imap_unordered(crawl, ["home", "faq", "imprint"]):
    links = page.links
    gevent.sleep(0)
    page.links = links + 1
    found += page.links
print(found)
