# title: a crawler looks whether a page was seen and then marks it
# expect: data-race seen | seen[*]
# lines: 14,15
# why: both threads may find the page missing and fetch it twice.
import threading

import raceway

seen = raceway.watch(set(), name="seen")
fetched = []


def visit(page: str) -> None:
    if page not in seen:
        seen.add(page)
        fetched.append(page)


threads = [threading.Thread(target=visit, args=("/",)) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(seen))
