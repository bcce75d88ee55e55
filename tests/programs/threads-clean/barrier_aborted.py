# title: a worker writes down why, aborts the barrier, and the other one reads it
# expect: clean
# needs: RECEIVE
# why: wait() raises BrokenBarrierError because of abort(), so it comes after what precedes that.
import threading

import raceway


class Outcome:
    def __init__(self) -> None:
        self.reason = ""


outcome = raceway.watch(Outcome(), name="outcome")
together = threading.Barrier(2)
messages: list[str] = []


def fail() -> None:
    outcome.reason = "disk full"
    together.abort()


def work() -> None:
    try:
        together.wait()
    except threading.BrokenBarrierError:
        messages.append(outcome.reason)


threads = [threading.Thread(target=work), threading.Thread(target=fail)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(messages)
