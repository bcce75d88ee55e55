"""How fast a server is sent to: at most as configured, and more slowly if it cannot keep up.

A server that is overrun says so by 206 (it has thrown events away) or 429 (it wants none now). The
rate is then halved, and grows again with every batch that is taken: additive increase,
multiplicative decrease, as TCP does it, because it settles near what the server takes without
knowing how much that is.
"""

from __future__ import annotations

BURST = 8000  # events; the queue of a default server holds 10,000

_SLOWEST = 10.0  # events per second
_FIRST_GUESS = 1000.0  # of what a server takes that was sent to without a limit; see Config
_GROWTH = 1.1  # for each second's worth of events that is taken
_UNLIMITED = 1e6  # where a limit says nothing any more


class Pacer:
    """A bucket of tokens, one for each event, that fills at the current rate.

    Args:
        limit: Highest rate in events per second, or None.
        now: The time, in seconds.
    """

    def __init__(self, limit: float | None, now: float) -> None:
        self._limit = limit
        self._burst = float(BURST)
        self._tokens = self._burst
        self._refilled_at = now
        self.rate = limit

    def delay(self, count: int, now: float) -> float:
        """Return how long to wait before ``count`` events may be sent; 0 takes their tokens.

        Args:
            count: How many.
            now: The time, in seconds.
        """
        if self.rate is None:
            return 0.0
        need = min(float(count), self._burst)
        earned = (now - self._refilled_at) * self.rate
        self._tokens = min(self._burst, self._tokens + earned)
        self._refilled_at = now
        if self._tokens < need:
            return (need - self._tokens) / self.rate
        self._tokens -= need
        return 0.0

    def accepted(self, count: int) -> None:
        """Take note that the server has taken ``count`` events."""
        if self.rate is None or self.rate == self._limit:
            return
        rate = self.rate * (1 + (_GROWTH - 1) * min(1.0, count / self.rate))
        if self._limit is not None and rate >= self._limit:
            rate = self._limit
            self._burst = float(BURST)
        elif rate > _UNLIMITED:
            self.rate = None
            self._burst = float(BURST)
            return
        self.rate = rate

    def overrun(self) -> None:
        """Take note that the server gets more than it can take."""
        self.rate = max(_SLOWEST, (self.rate or 2 * _FIRST_GUESS) / 2)
        # A server that is behind must not get a burst; one that drains ten times a second takes
        # a tenth of a second's worth at once.
        self._burst = max(1.0, self.rate / 10)
        self._tokens = 0.0
