# title: the main thread enters letters into a scheduler that another thread runs
# expect: clean
# needs: RECEIVE
# why: enter() puts the action into the scheduler, which is safe to use from several threads.
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
letter.stamps = 2
agenda.enter(0, 1, send, argument=(letter,))
runner.join()
print(sent)
