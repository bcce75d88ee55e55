# title: three workers count down under a condition, and the last one wakes who waits for all
# expect: clean
# why: whoever finds the counter at zero comes after all that have counted it down.
import threading

import raceway


class Countdown:
    def __init__(self, count: int) -> None:
        self.count = count
        self.changed = threading.Condition()

    def one_less(self) -> None:
        with self.changed:
            self.count -= 1
            if self.count == 0:
                self.changed.notify_all()

    def wait(self) -> None:
        with self.changed:
            while self.count > 0:
                self.changed.wait()


squares = raceway.watch([0, 0, 0], name="squares")
report = raceway.watch({"sum": 0}, name="report")
left = Countdown(3)


def work(number: int) -> None:
    squares[number] = number * number
    report["sum"] = 0
    left.one_less()


def work_alone(number: int) -> None:
    squares[number] = number * number
    left.one_less()


threads = [threading.Thread(target=work, args=(0,))]
threads += [threading.Thread(target=work_alone, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
left.wait()
if report["sum"] == 0:
    report["sum"] = sum(squares)
print(report["sum"])
for t in threads:
    t.join()
