"""Whose parent was lost: it becomes a child of its parent's parent.

A Raceway server links an event to its parent only if it has the parent; all that hangs under an
event that it never gets is invisible. So when an event is refused, those under it that are sent
later move up.
"""

from __future__ import annotations

import re

KEPT = 10_000
"""Lost events that are remembered; the latest."""

# How both encoders begin an event.
_HEAD = re.compile(
    rb'\{"id":"([0-9a-f-]{36})","trace_id":"[0-9a-f-]{36}","parent_id":(null|"([0-9a-f-]{36})")'
)


class Orphans:
    """Remembers lost events by id. For one thread at a time.

    Example:
        >>> ids = ["%08d-0000-4000-8000-000000000000" % number for number in range(3)]
        >>> head = b'{"id":"%s","trace_id":"%s","parent_id":'
        >>> def event(id, parent):
        ...     return head % (id.encode(), ids[0].encode()) + parent.encode() + b"}"
        >>> orphans = Orphans()
        >>> orphans.lost(event(ids[1], f'"{ids[0]}"'))
        >>> orphans.adopt(event(ids[2], f'"{ids[1]}"')) == event(ids[2], f'"{ids[0]}"')
        True
    """

    def __init__(self) -> None:
        self._parents: dict[bytes, bytes] = {}

    def lost(self, event: bytes) -> None:
        """Take note that the server will never have ``event``."""
        found = _HEAD.match(event)
        if found is not None:
            self._parents[found[1]] = self._living(found)
            if len(self._parents) > KEPT:
                del self._parents[next(iter(self._parents))]

    def adopt(self, event: bytes) -> bytes:
        """Return ``event`` under a parent that the server may have."""
        found = _HEAD.match(event) if self._parents else None
        if found is None or found[3] not in self._parents:
            return event
        return event[: found.start(2)] + self._living(found) + event[found.end(2) :]

    def _living(self, found: re.Match[bytes]) -> bytes:
        parent = found[2]
        while parent.strip(b'"') in self._parents:
            parent = self._parents[parent.strip(b'"')]
        return parent
