"""The supervising process between two looks at what was recorded."""

from __future__ import annotations

import os
import subprocess
import sys

from raceway_autopatch import supervisor


class Analysis:
    """Has something to do in its first steps."""

    def __init__(self, busy):
        self.busy = busy

    def step(self):
        self.busy -= 1
        return self.busy >= 0


class Signals:
    """Lets the child end when the analysis has nothing to do any more."""

    def __init__(self, child):
        self.child = child
        self.timeouts = []

    def wait(self, timeout):
        self.timeouts.append(timeout)
        if timeout:
            self.child.stdin.close()
            os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOWAIT)


def test_it_goes_on_reading_while_there_is_something_to_read():
    """A program that records fast is not read one chunk for each poll."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child.stdin.write(b"\n")
    signals = Signals(child)

    status = supervisor._wait(child.pid, signals, Analysis(busy=3))

    child.returncode = status
    assert status == 0
    assert signals.timeouts == [0, 0, 0, supervisor.POLL]
