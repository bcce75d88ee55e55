# title: the event of the first round is still set in the second
# expect: data-race frame.pixels
# lines: 24,30
# why: nobody clears the event, so the second wait() does not wait for the second frame.
import threading
import time

import raceway


class Frame:
    def __init__(self) -> None:
        self.pixels = ""


frame = raceway.watch(Frame(), name="frame")
ready = threading.Event()
shown: list[str] = []


def show() -> None:
    for _ in range(2):
        ready.wait()
        shown.append(frame.pixels)


viewer = threading.Thread(target=show)
viewer.start()
for pixels in ("dark", "light"):
    frame.pixels = pixels
    ready.set()
    while not shown:
        time.sleep(0.001)
viewer.join()
print(len(shown))
