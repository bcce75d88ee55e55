"""Vector clocks: immutable mappings from actor to epoch.

An actor's own component is not stored: it is the epoch of its current token.  A clock is never
changed in place, so that a message, an access and an actor can share one without copying, and
"taking a snapshot" costs nothing.

Source: C. Fidge and F. Mattern, 1988; the epoch notation ``epoch@actor`` is FastTrack's
(C. Flanagan and S. Freund, PLDI 2009).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

Clock = Mapping[Hashable, int]

EMPTY: Clock = {}


def join(clock: Clock, other: Clock, actor: Hashable, epoch: int) -> Clock:
    """Return the least clock that knows ``clock``, ``other`` and ``epoch`` of ``actor``.

    Args:
        clock: What the receiver knows.
        other: What ``actor`` knew at ``epoch``.
        actor: The sender.
        epoch: Its epoch when it sent.

    Returns:
        ``clock`` itself if it knows all that already: whoever knows an epoch of an actor knows
        what that actor knew then.

    Example:
        >>> dict(join({1: 4}, {2: 7}, 3, 9))
        {1: 4, 2: 7, 3: 9}
    """
    if clock.get(actor, -1) >= epoch:
        return clock
    merged = dict(clock)
    for key, value in other.items():
        if merged.get(key, -1) < value:
            merged[key] = value
    if merged.get(actor, -1) < epoch:
        merged[actor] = epoch
    return merged
