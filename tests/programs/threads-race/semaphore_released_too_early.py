# title: the workers are let go by release(2) before the plan is written
# expect: data-race plan.speed
# lines: 22,29
# why: acquire() is ordered after what came before release(), not after what follows it.
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


threads = [threading.Thread(target=drive) for _ in range(2)]
for t in threads:
    t.start()
go.release(2)
plan.speed = 50
for t in threads:
    t.join()
print("driven")
