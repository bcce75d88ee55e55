"""The errors that raceway raises, sorted by who has to act."""

from __future__ import annotations


class RacewayError(Exception):
    """Base class of every error that raceway raises on purpose.

    Example:
        >>> issubclass(UsageError, RacewayError)
        True
    """


class UsageError(RacewayError, ValueError):
    """A value that *you* passed to raceway cannot be used; the message names the remedy.

    Example:
        >>> from raceway.config import Config
        >>> Config(batch_size=0)
        Traceback (most recent call last):
        ...
        raceway.exceptions.UsageError: batch_size=0 is not usable: give a whole number, at least 1
    """


class CannotWatch(RacewayError, TypeError):  # noqa: N818 - reads as a sentence at the call site
    """The object passed to ``watch()`` is immutable, or of a type that cannot be tracked.

    Example:
        >>> issubclass(CannotWatch, TypeError)
        True
    """
