# title: the timeout is cancelled while its function is running already
# expect: data-race request.state
# lines: 21,30
# why: cancel() stops a timer that waits; it does not wait for a function that was called.
import threading
import time

import raceway


class Request:
    def __init__(self) -> None:
        self.state = "sent"


request = raceway.watch(Request(), name="request")
struck: list[bool] = []


def give_up() -> None:
    request.state = "timed out"
    struck.append(True)


timer = threading.Timer(0, give_up)
timer.start()
while not struck:
    time.sleep(0.001)
timer.cancel()
request.state = "answered"
timer.join()
print("decided")
