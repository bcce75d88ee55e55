# title: a monkey-patched Timer announces by an Event, which is asked with a time limit
# expect: atomicity-violation lamp.brightness
# lines: 29,31
# severity: critical
# requires: gevent
# why: wait(0) has returned False, so that nothing orders the two.

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import threading
import time

import raceway


class Lamp:
    def __init__(self) -> None:
        self.brightness = 1


lamp = raceway.watch(Lamp(), name="lamp")
dimmed = threading.Event()


def dim() -> None:
    brightness = lamp.brightness
    time.sleep(0.02)
    lamp.brightness = brightness // 2
    dimmed.set()


timer = threading.Timer(0.001, dim)
timer.start()
dimmed.wait(0.01)
lamp.brightness = 8
timer.join()
print("dimmed")
