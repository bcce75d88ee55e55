"""Who hears of tracked events besides the server, and what fails on the way to them.

Nothing that a caller passes makes a ``track_*`` call raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raceway import context

if TYPE_CHECKING:
    from collections.abc import Callable

observers: list[Callable[[str, dict[str, Any]], None]] = []
"""Functions that hear of every tracked event when it is tracked, with or without a trace.

Each is called as ``observer(kind, fields)`` in the thread that tracks, before the event is built.
``kind`` is a name such as ``StateChange``; ``fields`` has the names of the method's parameters,
completed (location, access type), with the values as the caller passed them. What an observer
raises is ignored.
"""


def listening() -> bool:
    """Return whether anybody wants to hear of an event: the gate that costs next to nothing."""
    return bool(observers) or context.current_frame() is not None


def observe(kind: str, fields: dict[str, Any]) -> bool:
    """Tell the observers; return whether a trace is open, so that the server is to hear of it."""
    for observer in tuple(observers):
        try:
            observer(kind, fields)
        except Exception as error:
            contain(error)
    return context.current_frame() is not None


def contain(error: Exception) -> None:
    """Keep our failure, or that of an object passed to us, away from the application."""
    try:
        import logging  # late: it is slow to import and needed in case of trouble only

        logging.getLogger("raceway").debug("an event was not recorded: %s", type(error).__name__)
    except Exception:  # noqa: S110 - a handler of the application; there is nobody to tell
        pass
