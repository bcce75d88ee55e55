# title: a worker changes the state and then adds a line to a log, which another one trims
# expect: data-race pump.state
# lines: 22,31
# why: that the log is long has nothing to do with the state, and no lock is held for that.
import threading

import raceway


class Pump:
    def __init__(self) -> None:
        self.state = "off"


pump = raceway.watch(Pump(), name="pump")
lock = threading.Lock()
log: list[str] = []


def switch_on() -> None:
    log_line = "on"
    pump.state = "on"
    with lock:
        log.append(log_line)


def switch_over() -> None:
    with lock:
        if len(log) > 100:
            log.clear()
    pump.state = "reserve"


threads = [threading.Thread(target=target) for target in (switch_on, switch_over)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(log))
