# title: how often a page was seen is looked at, and logged, before it is counted on
# expect: clean
# why: nothing is done with the old number after the new one is written, but for the log.
import logging
import threading

import raceway

log = logging.getLogger("pages")


class Page:
    def __init__(self) -> None:
        self.seen = 0
        self.lock = threading.Lock()


page = raceway.watch(Page(), name="page")


def show() -> None:
    with page.lock:
        before = page.seen
    if before > 100:
        log.warning("popular")
    with page.lock:
        page.seen += 1
    log.debug("was seen %d times", before)


threads = [threading.Thread(target=show) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(page.seen)
