# title: the timeout is cancelled before it strikes, and joined
# expect: clean
# why: cancel() keeps the function from being called, and join() makes sure that it is not running.
import threading

import raceway


class Request:
    def __init__(self) -> None:
        self.state = "sent"


request = raceway.watch(Request(), name="request")


def give_up() -> None:
    request.state = "timed out"


timer = threading.Timer(600, give_up)
timer.start()
timer.cancel()
timer.join()
request.state = "answered"
print(request.state)
