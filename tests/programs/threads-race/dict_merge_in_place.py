# title: settings are merged with |= while another thread reads one
# expect: data-race settings['mode']
# lines: 14,21
# why: |= writes the key; the reader sees the old or the new value.
import threading

import raceway

settings = raceway.watch({"mode": "slow"}, name="settings")
seen = []


def use() -> None:
    seen.append(settings["mode"])


def merge() -> None:
    global settings
    while not seen:
        pass
    settings |= {"mode": "fast"}


threads = [threading.Thread(target=use), threading.Thread(target=merge)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
