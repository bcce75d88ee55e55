# title: a semaphore that starts at zero announces finished items
# expect: clean
# needs: RECEIVE
# why: acquire() can only succeed after the release() that follows the write.
import threading

import raceway


class Feed:
    def __init__(self) -> None:
        self.latest = ""


feed = raceway.watch(Feed(), name="feed")
available = threading.Semaphore(0)


def publish() -> None:
    feed.latest = "news"
    available.release()


t = threading.Thread(target=publish)
t.start()
available.acquire()
feed.latest += "!"
print(feed.latest)
t.join()
