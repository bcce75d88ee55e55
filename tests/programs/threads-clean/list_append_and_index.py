# title: a list grows while another thread reads an item that is there
# expect: clean
# why: append() moves nothing: index 0 stays what it is.
import threading

import raceway

versions = raceway.watch(["1.0"], name="versions")
seen = []


def show() -> None:
    seen.append(versions[0])


def release() -> None:
    versions.append("1.1")


threads = [threading.Thread(target=show), threading.Thread(target=release)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
