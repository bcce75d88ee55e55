"""Delivery in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stats:
    """Delivery in numbers, since the start of this process.

    At any time ``accepted == sent + unconfirmed + refused + abandoned + buffered``.

    Attributes:
        accepted: Events taken into the buffer, and those that an earlier process has left on the
            disk and this one has taken over.
        sent: Events that the server has confirmed.
        dropped: Events known to be lost: the sum of the next three.
        overflowed: Dropped because the buffer was full.
        refused: Dropped because the server refused them.
        abandoned: Dropped because the end came first.
        unconfirmed: Events sent without getting an answer; the server may have them.
        buffered: Events that wait or are on their way, in memory and on the disk.
        buffered_bytes: Their size in memory, in bytes.
        spooled: How many of them are on the disk.
        requests: Requests made.
        retries: Requests that repeated an earlier one.
    """

    accepted: int
    sent: int
    dropped: int
    overflowed: int
    refused: int
    abandoned: int
    unconfirmed: int
    buffered: int
    buffered_bytes: int
    spooled: int
    requests: int
    retries: int
