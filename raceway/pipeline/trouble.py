"""What the logger ``raceway`` is told when events cannot be delivered: seldom, and with numbers.

One warning a minute at most, however many batches fail, and one at the end if there is anything to
say that was not said before.
"""

from __future__ import annotations

import time

from raceway.pipeline import transport

WARN_EVERY = 60.0
"""Seconds."""


class Trouble:
    """What went wrong, until somebody has been told.

    Attributes:
        problem: Why events were lost; forgotten when it has been told.
        outage: Why they have to wait; over when the server accepts a batch.
        reported: How many lost events have been told of.

    Example:
        >>> trouble = Trouble()
        >>> trouble.is_worth_telling(lost=0), trouble.is_worth_telling(lost=3)
        (False, True)
    """

    __slots__ = ("_warned_at", "outage", "problem", "reported")

    def __init__(self) -> None:
        self.problem = self.outage = ""
        self.reported = 0
        self._warned_at: float | None = None

    def internal(self, error: Exception) -> None:
        """Note a bug of ours.

        Args:
            error: How it showed.
        """
        self.problem = f"internal error: {type(error).__name__}: {error}"

    def is_worth_telling(self, lost: int, *, left: int = 0, final: bool = False) -> bool:
        """Return whether there is anything that was not told.

        Args:
            lost: Events lost so far.
            left: Events left on the disk.
            final: Whether this is the end: an outage as such is over by then.
        """
        return lost > self.reported or bool(left if final else self.problem or self.outage)

    def tell(self, lost: int, waiting: int, *, left: int = 0, final: bool = False) -> None:
        """Log what went wrong, unless there is nothing, or it was done within the last minute.

        Args:
            lost: Events lost so far.
            waiting: Events that wait.
            left: How many of them are left on the disk.
            final: Whether this is the end, which waits for no minute.
        """
        if not self.is_worth_telling(lost, left=left, final=final):
            return
        now = time.monotonic()
        if not final and self._warned_at is not None and now - self._warned_at < WARN_EVERY:
            return
        reason = self.problem or self.outage or "events were dropped"
        self.problem = ""
        self._warned_at, self.reported = now, lost
        try:
            with transport.importing:
                import logging  # late: programs that deliver without trouble need not pay for it

            logging.getLogger("raceway").warning(
                "raceway server: %s (events waiting: %d, lost so far: %d)", reason, waiting, lost
            )
        except Exception:  # noqa: S110 - a handler of the application; there is nobody to tell
            pass
