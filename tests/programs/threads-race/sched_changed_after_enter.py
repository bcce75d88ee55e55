# title: a letter is stamped after it was entered into the scheduler of another thread
# expect: data-race letter.stamps
# lines: 23,35
# why: only what comes before enter() comes before the action.
import sched
import threading
import time

import raceway


class Letter:
    def __init__(self) -> None:
        self.stamps = 0


letter = raceway.watch(Letter(), name="letter")
agenda = sched.scheduler()
sent: list[int] = []


def send(what: Letter) -> None:
    sent.append(what.stamps)


def run_agenda() -> None:
    while not sent:
        agenda.run()
        time.sleep(0.001)


runner = threading.Thread(target=run_agenda)
runner.start()
agenda.enter(0, 1, send, argument=(letter,))
letter.stamps = 2
runner.join()
print("sent")
