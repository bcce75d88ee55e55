# title: the event is set before the configuration is complete
# expect: data-race config.url
# lines: 22,27
# why: the reader waits for the event, but the write comes after set() and is not covered by it.
import threading

import raceway


class Config:
    def __init__(self) -> None:
        self.url = ""


config = raceway.watch(Config(), name="config")
ready = threading.Event()
urls = []


def load() -> None:
    ready.set()
    config.url = "http://localhost"


def connect() -> None:
    ready.wait()
    urls.append(config.url)


threads = [threading.Thread(target=load), threading.Thread(target=connect)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(urls), "url")
