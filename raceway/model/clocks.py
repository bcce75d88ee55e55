"""Vector clocks: immutable mappings from actor to epoch.

An actor's own component is not stored: it is the epoch of its current token.  A clock is never
changed in place, so that a message, an access and an actor can share one without copying, and
"taking a snapshot" costs nothing.

Source: C. Fidge and F. Mattern, 1988; the epoch notation ``epoch@actor`` is FastTrack's
(C. Flanagan and S. Freund, PLDI 2009).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping

Clock = Mapping[Hashable, int]

EMPTY: Clock = {}


def join(clock: Clock, other: Clock, actor: Hashable, epoch: int) -> Clock:
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
        >>> dict(join({1: 4}, {2: 7}, 3, 9))
        {1: 4, 2: 7, 3: 9}
    """
    if actor is None:
        return known_by_either(clock, other)
    if clock.get(actor, -1) >= epoch:
        return clock
    if len(other) > len(clock):
        merged, other = dict(other), clock
    else:
        merged = dict(clock)
    if merged.get(actor, -1) < epoch:
        merged[actor] = epoch
    for key, value in other.items():
        if merged.get(key, -1) < value:
            merged[key] = value
    return merged


def known_by_either(one: Clock, two: Clock) -> Clock:
    """Return the least clock that knows what two clocks know.

    Example:
        >>> dict(known_by_either({1: 4, 2: 7}, {1: 5}))
        {1: 5, 2: 7}
    """
    if one is two:
        return one
    if len(one) < len(two):
        one, two = two, one
    more = {key: value for key, value in two.items() if one.get(key, -1) < value}
    return {**one, **more} if more else one


def pruned(clock: Clock, is_needed: Callable[[Hashable], bool]) -> Clock:
    """Return a clock without the components that nobody needs; itself if all are needed."""
    kept = {key: epoch for key, epoch in clock.items() if is_needed(key)}
    return kept if len(kept) < len(clock) else clock


if os.environ.get("RACEWAY_PURE_PYTHON", "") in ("", "0"):
    try:
        from raceway.model import _clocks  # type: ignore[attr-defined]  # written in C

        join, known_by_either = _clocks.join, _clocks.known_by_either
    except ImportError:  # there was no compiler
        pass
