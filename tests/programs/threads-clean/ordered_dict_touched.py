# title: two threads move one entry to the end
# expect: clean
# why: move_to_end() is one step, and nothing depends on which of the two came last.
import threading
from collections import OrderedDict

import raceway

recent = raceway.watch(OrderedDict(a=1, b=2), name="recent")


def touch() -> None:
    recent.move_to_end("a")


threads = [threading.Thread(target=touch), threading.Thread(target=touch)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(list(recent))
