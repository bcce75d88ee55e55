"""sched: entering an action happens before the action, in whatever thread run() calls it.

Emits: send when an event is made, receive when its action is called.

The action that lies in the event's tuple is one of ours around the program's, since run() takes it
from there; ``event.action`` is the program's own.
"""

from __future__ import annotations

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patching import contained, replace

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = None


class _Action:
    """The program's action; it knows what came before it was entered."""

    __slots__ = ("_action", "_channel")

    def __init__(self, action: Any) -> None:
        self._action = action
        self._channel = recorder.next_channel()
        recorder.sync(ops.HANDOFF, self._channel)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        _called(self._channel)
        return self._action(*args, **kwargs)

    def __eq__(self, other: object) -> Any:
        return self._action == (other._action if type(other) is _Action else other)

    def __hash__(self) -> int:
        return hash(self._action)

    def __repr__(self) -> str:
        return repr(self._action)


_called = contained(lambda channel: recorder.sync(ops.RECEIVE, channel), "scheduled action")


def _event(original: Any) -> Any:
    enter = contained(_Action)

    class Event(original):  # type: ignore[misc]  # a variable
        __slots__ = ()
        __doc__ = original.__doc__

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            made = original.__new__(cls, *args, **kwargs)
            entered = enter(made.action)
            return made if entered is None else made._replace(action=entered)

        @property
        def action(self) -> Any:
            action = self[original._fields.index("action")]
            return action._action if type(action) is _Action else action

    Event.__module__ = original.__module__
    Event.__qualname__ = original.__qualname__
    return Event


PATCHES = (replace("Event", _event),)
