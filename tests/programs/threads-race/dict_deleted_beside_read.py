# title: an entry is deleted while another thread reads it
# expect: data-race prices['tea']
# lines: 14,20
# why: del and the read are each atomic, but the read may come too late.
import threading

import raceway

prices = raceway.watch({"tea": 3}, name="prices")
seen = []


def show() -> None:
    seen.append(prices["tea"])


def remove() -> None:
    while not seen:
        pass
    del prices["tea"]


threads = [threading.Thread(target=show), threading.Thread(target=remove)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
