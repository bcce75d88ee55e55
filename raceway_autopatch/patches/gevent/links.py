"""Callbacks that are linked to greenlets, events and results.

A callback is an actor of its own: started by whoever links it, and after the end of what it is
linked to.  It runs in the hub (``rawlink``) or in a raw greenlet that it starts there (``link``).
"""

from __future__ import annotations

from raceway.model import ops
from raceway.record import recorder
from raceway.record.callables import name_of, type_name
from raceway_autopatch.patching import contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from raceway.record.recorder import State

_OF_GEVENT = frozenset({"switch", "throw", "_discard", "_on_result"})
"""By these gevent wakes those who wait, and keeps the books of its groups."""
_SPAWNED = frozenset({"SpawnedLink", "SuccessSpawnedLink", "FailureSpawnedLink"})
"""What ``link()`` puts around a callback, to call it in a greenlet."""


@contained
def linked(callback: Any, learn: Callable[[Any], Any]) -> Any:
    """Return what stands for a callback of the program; None: it is gevent's own.

    Args:
        callback: What is linked.
        learn: Called with what it is linked to, before the callback.
    """
    if not callable(callback) or name_of(callback) in _OF_GEVENT:
        return None
    by_greenlet = type_name(type(callback)) in _SPAWNED
    name = name_of(callback.callback if by_greenlet else callback)
    state = recorder.new_state(name, "callback", recorder.current().group)
    recorder.fork_actor(state, depth=3)
    return _Link(callback, state, learn)


class _Link:
    """A callback that says whose turn it is; it is found by the callback when it is unlinked."""

    __slots__ = ("callback", "learn", "state")

    def __init__(self, callback: Any, state: State, learn: Callable[[Any], Any]) -> None:
        self.callback = callback
        self.state = state
        self.learn = learn

    def __call__(self, source: Any) -> Any:
        before = recorder.install(self.state)
        self.learn(source)
        try:
            return self.callback(source)
        finally:
            recorder.local.s = self.state
            recorder.sync(ops.END, self.state.actor)
            recorder.local.s = before

    def __eq__(self, other: object) -> bool:
        callback = other.callback if type(other) is _Link else other
        return self.callback is callback or bool(self.callback == callback)

    def __hash__(self) -> int:
        return hash(self.callback)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.callback, name)
