# title: a member is tested and removed by two threads
# expect: data-race online['bob'] | online
# lines: 13,14 | 14,14
# why: both see the member, the second remove() raises KeyError.
import threading

import raceway

online = raceway.watch({"bob", "eve"}, name="online")


def log_out() -> None:
    if "bob" in online:
        online.remove("bob")


threads = [threading.Thread(target=log_out), threading.Thread(target=log_out)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(online))
