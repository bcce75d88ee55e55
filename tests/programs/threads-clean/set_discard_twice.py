# title: two threads discard one member
# expect: clean
# why: discard() is atomic and idempotent: the member is gone, whoever comes first.
import threading

import raceway

open_files = raceway.watch({"a", "b"}, name="open_files")


def close() -> None:
    open_files.discard("a")


threads = [threading.Thread(target=close), threading.Thread(target=close)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(open_files))
