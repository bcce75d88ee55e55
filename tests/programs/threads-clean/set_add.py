# title: several threads mark pages as seen
# expect: clean
# why: set.add() is atomic, adds commute, and the set is read after join().
import threading

import raceway

seen = raceway.watch(set(), name="seen")


def visit(page: str) -> None:
    seen.add(page)
    seen.add("/")


threads = [threading.Thread(target=visit, args=(page,)) for page in ("/a", "/b", "/c")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(seen))
