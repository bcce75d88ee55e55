# title: workers advance a phase that others wait for through a helper method
# expect: clean
# why: the helper waits under the condition until the phase has come, so each step has one worker.
import threading

import raceway


class Step:
    def __init__(self) -> None:
        self.value = 1
        self.by = ""


step = raceway.watch(Step(), name="step")


class Clock:
    def __init__(self) -> None:
        self.cond = threading.Condition()
        self.phase = 0

    def _until(self, phase: int) -> None:
        while self.phase != phase:
            self.cond.wait()

    def enter(self, phase: int) -> None:
        with self.cond:
            self._until(phase)

    def leave(self) -> None:
        with self.cond:
            self.phase += 1
            self.cond.notify_all()


clock = Clock()


def work(number: int, name: str) -> None:
    for phase in (number, number + 2):
        clock.enter(phase)
        value = step.value
        step.by = name
        step.value = value * 2 + number
        clock.leave()


threads = [threading.Thread(target=work, args=(n, name)) for n, name in enumerate("ab")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(step.value, step.by)
