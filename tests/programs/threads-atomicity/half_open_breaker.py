# title: a circuit breaker lets one trial call through, or two
# expect: atomicity-violation breaker.state
# lines: 30,37
# why: both threads find the breaker half open before either of them marks the trial.
import enum
import threading

import raceway


class State(enum.Enum):
    CLOSED = 0
    HALF_OPEN = 1
    TRIAL = 2


class Breaker:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.state = State.HALF_OPEN


breaker = raceway.watch(Breaker(), name="breaker")
looked = threading.Barrier(2)
trials = []


def call(name: str) -> None:
    with breaker.lock:
        state = breaker.state
    looked.wait()
    match state:
        case State.CLOSED:
            trials.append(name)
        case State.HALF_OPEN:
            with breaker.lock:
                breaker.state = State.TRIAL
            trials.append(name)


threads = [threading.Thread(target=call, args=(name,)) for name in ("a", "b")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("called")
