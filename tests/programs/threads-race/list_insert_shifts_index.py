# title: an index is used while another thread inserts in front
# expect: data-race rows[1] | rows
# lines: 14,20
# why: insert(0) moves every row by one, so the index means another row.
import threading

import raceway

rows = raceway.watch(["a", "b"], name="rows")
seen = []


def show() -> None:
    seen.append(rows[1])


def put_in_front() -> None:
    while not seen:
        pass
    rows.insert(0, "new")


threads = [threading.Thread(target=show), threading.Thread(target=put_in_front)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
