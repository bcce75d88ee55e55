"""How long the thread that sends waits before a request, and what cuts it short."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from raceway.pipeline.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.pipeline.native import Flag
    from raceway.pipeline.transport import Answer

_FIRST_DELAY, _LONGEST_DELAY = 0.1, 5.0  # seconds of backoff


class Patience:
    """Waits of the thread that sends.

    Args:
        wake: Ends a wait early, to look again.
        rate: Sustained limit in events per second, or None.
        meanwhile: What is done before each wait.

    Attributes:
        pacer: How fast the server is sent to.
        give_up_at: When the end is due, if it is.
        hurry: Whether a flush wants the next attempt now.
    """

    def __init__(self, wake: Flag, rate: float | None, meanwhile: Callable[[], None]) -> None:
        self._wake = wake
        self._meanwhile = meanwhile
        self.pacer = Pacer(rate, time.monotonic())
        self.give_up_at: float | None = None
        self.hurry = False

    @property
    def is_over(self) -> bool:
        """Whether the end is due."""
        return self.give_up_at is not None and time.monotonic() >= self.give_up_at

    def pace(self, count: int) -> None:
        """Wait until the server can be expected to have room for ``count`` events."""
        while self.give_up_at is None:
            seconds = self.pacer.delay(count, time.monotonic())
            if not seconds:
                return
            self.pause(seconds, asked=True)

    def back_off(self, attempt: int, answer: Answer, *, overrun: bool) -> None:
        """Wait as long as the server asks for, else longer each time."""
        asked = answer.retry_after
        if asked is not None and asked >= _FIRST_DELAY:  # not 0, or a date that is over
            self.pause(asked, asked=True)
            return
        # A default server empties its queue every 0.1 s.
        delay = _FIRST_DELAY * 2 ** min(attempt + (1 if overrun else -1), 10)
        # Half of it at random, so that a fleet does not come back in step. (os.urandom because
        # the random module is slow to import.)
        self.pause(min(_LONGEST_DELAY, delay) * (0.5 + os.urandom(1)[0] / 512))

    def pause(self, seconds: float, *, asked: bool = False) -> None:
        """Wait before the next attempt; a flush cuts it short unless the server asked for it."""
        self.hurry = False
        end = time.monotonic() + seconds
        while True:
            self._meanwhile()
            if self.give_up_at is not None:
                end = min(end, self.give_up_at)
                if not asked:
                    end = min(end, time.monotonic() + _FIRST_DELAY)
            remaining = end - time.monotonic()
            if remaining <= 0 or (self.hurry and not asked):
                return
            if not self._wake.wait(remaining):
                return
