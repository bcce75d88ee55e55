"""The batch in hand: written as JSON, cut into requests, and cut again as the server answers."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from raceway.pipeline.orphans import Orphans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from raceway.pipeline.outcomes import Outcome
    from raceway.pipeline.trouble import Trouble

MAX_EVENT_BYTES = 2_000_000  # a server refuses bodies above 2 MiB


class Batches:
    """The requests that are to be made next, in order.

    Args:
        encode: Makes JSON of an event.
        trouble: Whom to tell of a bug of ours.
    """

    def __init__(self, encode: Callable[[Any], bytes], trouble: Trouble) -> None:
        self._encode = encode
        self._trouble = trouble
        self._parts: deque[list[bytes]] = deque()  # the first one is being sent
        self._orphans = Orphans()

    def encoded(self, records: Iterable[Any]) -> Iterator[bytes]:
        """Yield each as JSON; nothing for what cannot be sent."""
        for record in records:
            try:
                event = record if type(record) is bytes else self._encode(record)
            except Exception as error:  # a bug of ours; the other events may fare better
                self._trouble.internal(error)
                event = b""
            yield event if len(event) <= MAX_EVENT_BYTES else b""

    def written(self, batch: list[Any], limit: int) -> tuple[list[list[bytes]], int]:
        """Return the batch as JSON, cut where it is larger than the records seemed to be.

        Args:
            batch: What the buffer has given.
            limit: Size at which a request is cut, in bytes.

        Returns:
            The requests, and how many events cannot be sent.
        """
        parts: list[list[bytes]] = [[]]
        size = unusable = 0
        for event in self.encoded(batch):
            if not event:
                unusable += 1
                continue
            if parts[-1] and size + len(event) > limit:
                parts.append([])
                size = 0
            parts[-1].append(event)
            size += len(event)
        return [part for part in parts if part], unusable

    def take(self, parts: list[list[bytes]]) -> None:
        """Have these sent after those that are there."""
        self._parts.extend(parts)

    def first(self) -> list[bytes] | None:
        """Return the events of the next request, or None if there is none."""
        return self._parts[0] if self._parts else None

    def replace_first(self, rest: list[list[bytes]]) -> None:
        """Have what is left of the first request sent next."""
        self._parts.popleft()
        self._parts.extendleft(reversed(rest))

    def all(self) -> list[list[bytes]]:
        """Return all of them."""
        return list(self._parts)

    def drain(self) -> list[list[bytes]]:
        """Take all of them off."""
        parts = list(self._parts)
        self._parts.clear()
        return parts

    def body(self, part: list[bytes]) -> bytes:
        """Return the body of a request. Events whose parent was refused move up."""
        part[:] = map(self._orphans.adopt, part)
        return b'{"events":[' + b",".join(part) + b"]}"

    def rest_of(self, part: list[bytes], outcome: Outcome) -> list[list[bytes]]:
        """Return what of a request is to be sent next, in pieces."""
        for index in outcome.refused:
            self._orphans.lost(part[index])
        return [part[piece.start : piece.stop] for piece in outcome.rest]
