# title: the main thread lets three workers go with one release(3)
# expect: clean
# needs: RECEIVE
# why: each acquire() needs a permit of that release(), and the plan was written before it.
import threading

import raceway


class Plan:
    def __init__(self) -> None:
        self.speed = 0


plan = raceway.watch(Plan(), name="plan")
go = threading.Semaphore(0)
speeds: list[int] = []


def drive() -> None:
    go.acquire()
    speeds.append(plan.speed)


threads = [threading.Thread(target=drive) for _ in range(3)]
for t in threads:
    t.start()
plan.speed = 50
go.release(3)
for t in threads:
    t.join()
print(speeds)
