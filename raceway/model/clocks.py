"""Vector clocks: immutable mappings from the numbers of actors to epochs.

An actor's own component is not stored: it is the epoch of its current token.  A clock is never
changed in place, so that a message, an access and an actor can share one without copying, and
"taking a snapshot" costs nothing.

Here a clock is a dict.  Where there was a compiler it is a tree that shares with other clocks what
it has in common with them: joins of thousands of actors then cost what differs, in time and memory.

Source: C. Fidge and F. Mattern, 1988; the epoch notation ``epoch@actor`` is FastTrack's
(C. Flanagan and S. Freund, PLDI 2009).
"""

from __future__ import annotations

from collections.abc import Mapping

from raceway.model import compiled

Clock = Mapping[int, int]
"""As far as it has ``get``, ``items``, ``keys``, ``len``, ``in`` and iteration."""


def clock_of(components: Mapping[int, int]) -> Clock:
    """Return the clock with these components.

    Args:
        components: Epochs by the numbers of actors; neither is negative.

    Example:
        >>> dict(clock_of({1: 4}))
        {1: 4}
    """
    return components


def join(clock: Clock, other: Clock, actor: int | None, epoch: int) -> Clock:
    """Return the least clock that knows ``clock``, ``other`` and ``epoch`` of ``actor``.

    Args:
        clock: What the receiver knows.
        other: What ``actor`` knew at ``epoch``.
        actor: The sender, or None if ``other`` is all there is to know.
        epoch: Its epoch when it sent.

    Returns:
        ``clock`` itself if it knows all that already: whoever knows an epoch of an actor knows
        what that actor knew then.

    Example:
        >>> dict(join(clock_of({1: 4}), clock_of({2: 7}), 3, 9))
        {1: 4, 2: 7, 3: 9}
    """
    if actor is None:
        return known_by_either(clock, other)
    if clock.get(actor, -1) >= epoch:
        return clock
    return informed(known_by_either(clock, other), actor, epoch)


def known_by_either(one: Clock, two: Clock) -> Clock:
    """Return the least clock that knows what two clocks know; one of them if that is it.

    Example:
        >>> dict(known_by_either(clock_of({1: 4, 2: 7}), clock_of({1: 5})))
        {1: 5, 2: 7}
    """
    if one is two:
        return one
    if len(one) < len(two):
        one, two = two, one
    more = {key: value for key, value in two.items() if one.get(key, -1) < value}
    return {**one, **more} if more else one


def informed(clock: Clock, actor: int, epoch: int) -> Clock:
    """Return ``clock`` with what ``actor`` did until ``epoch``, and nothing that it knew.

    Example:
        >>> dict(informed(clock_of({1: 4}), 2, 7))
        {1: 4, 2: 7}
    """
    return clock if clock.get(actor, -1) >= epoch else {**clock, actor: epoch}


class Only:
    """Returns clocks without those that nobody needs; what is shared stays shared.

    Args:
        needed: A clock that knows who is needed.

    Example:
        >>> dict(Only(clock_of({1: 0}))(clock_of({1: 4, 2: 7})))
        {1: 4}
    """

    def __init__(self, needed: Clock, /) -> None:
        self._needed = needed
        # With the clock itself: else its id might become another's.
        self._done: dict[int, tuple[Clock, Clock]] = {}

    def __call__(self, clock: Clock, /) -> Clock:
        """Return what is left of a clock; itself if that is all."""
        done = self._done.get(id(clock))
        if done is None:
            needed = self._needed
            kept = {actor: epoch for actor, epoch in clock.items() if actor in needed}
            done = self._done[id(clock)] = (kept if len(kept) < len(clock) else clock, clock)
        return done[0]


_clocks, _ = compiled.load("raceway.model._clocks")
if _clocks is not None:
    clock_of, Only = _clocks.Clock, _clocks.Only  # type: ignore[misc]
    join, known_by_either, informed = _clocks.join, _clocks.known_by_either, _clocks.informed

EMPTY: Clock = clock_of({})
