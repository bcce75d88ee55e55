# title: put_nowait() and get_nowait() hand rows over, polled until they are there
# expect: clean
# needs: RECEIVE
# why: get_nowait() that returns a row is ordered after the put_nowait() of this row.
import queue
import threading

import raceway


class Row:
    def __init__(self) -> None:
        self.cells = 0


rows = [raceway.watch(Row(), name="row") for _ in range(3)]
waiting: queue.Queue = queue.Queue()


def read() -> None:
    for row in rows:
        row.cells = 5
        waiting.put_nowait(row)


reader = threading.Thread(target=read)
reader.start()
total = 0
for _ in rows:
    while True:
        try:
            row = waiting.get_nowait()
        except queue.Empty:
            continue
        break
    row.cells += 1
    total += row.cells
reader.join()
print(total)
