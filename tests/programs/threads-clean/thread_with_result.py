# title: a thread class with its own start(), run() and join() hands its result over
# expect: clean
# needs: JOIN
# why: what is set before super().start() and read after super().join() is ordered by the two.
import threading

import raceway


class Sum(threading.Thread):
    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self.numbers = numbers
        self.answer = raceway.watch({"total": None}, name="answer")

    def start(self) -> None:
        self.answer["total"] = 0
        super().start()

    def run(self) -> None:
        for number in self.numbers:
            self.answer["total"] += number

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout)
        self.answer["total"] += 1000


job = Sum(1, 2, 3)
job.start()
job.join()
print(job.answer["total"])
