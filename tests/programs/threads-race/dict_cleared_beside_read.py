# title: a table is cleared while another thread reads an entry
# expect: data-race table['x'] | table
# lines: 14,20
# why: after clear() the subscript raises KeyError.
import threading

import raceway

table = raceway.watch({"x": 1}, name="table")
seen = []


def show() -> None:
    seen.append(table["x"])


def reset() -> None:
    while not seen:
        pass
    table.clear()


threads = [threading.Thread(target=show), threading.Thread(target=reset)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
