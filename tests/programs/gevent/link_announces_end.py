# title: a callback that is linked to a download files it when the greenlet has ended
# expect: clean
# requires: gevent
# needs: JOIN
# why: a link is called when its greenlet is over, and the archive waits for the callback.
import gevent
from gevent.event import Event

import raceway


class Download:
    def __init__(self) -> None:
        self.bytes = 0


download = raceway.watch(Download(), name="download")
filed = Event()


def fetch() -> None:
    for _ in range(2):
        size = download.bytes
        gevent.sleep(0)
        download.bytes = size + 100


def file_it(_: gevent.Greenlet) -> None:
    size = download.bytes
    gevent.sleep(0)
    download.bytes = size + 1
    filed.set()


gevent.spawn(fetch).link(file_it)
filed.wait()
print(download.bytes)
