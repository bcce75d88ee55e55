# title: a list is replaced in place while another thread reads an item
# expect: data-race config[0] | config
# lines: 14,20
# why: the slice assignment moves and replaces what the index means.
import threading

import raceway

config = raceway.watch(["old", "old"], name="config")
seen = []


def use() -> None:
    seen.append(config[0])


def reload() -> None:
    while not seen:
        pass
    config[:] = ["new"]


threads = [threading.Thread(target=use), threading.Thread(target=reload)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
