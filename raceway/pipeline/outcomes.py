"""What the answer to a batch means: which events have arrived, which are lost, what to send next.

Pure functions, so that every answer that a server can give is one line in a table of tests.

A server that does not know an event again must not get it twice. A batch is repeated only if it
certainly was not taken: there was no connection, it could not be written to its end, or the answer
is an error. If it was written and no answer came, nobody knows; a server that is known to be
*idempotent* gets it again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raceway.pipeline.transport import Answer

SERVER_ERRORS = 6
"""Attempts before a batch that always gets the same 5xx is given up."""
STANDSTILLS = 20
"""Attempts before a batch of which a server takes nothing, time and again, is given up."""

_UNAVAILABLE = frozenset({408, 425, 429, 502, 503, 504})
_INDEX = re.compile(r"events\[(\d{1,9})\]")
_PARTIAL = re.compile(r'"Ingested (\d{1,9}) events?, (\d{1,9}) errors?"')


class Outcome(NamedTuple):
    """What came of one request.

    Attributes:
        sent: How many events the server has confirmed.
        refused: Indices of events that it will never take.
        unconfirmed: How many events nobody knows about.
        rest: What is to be sent next, in pieces, as ranges of indices.
        again: Whether ``rest`` is to wait, as the server could not take it now.
        overrun: Whether it gets more than it can take.
        too_large: Whether the request was larger than it takes.
        lost: Why events were lost.
        outage: Why the batch has to wait.
    """

    sent: int = 0
    refused: Sequence[int] = ()
    unconfirmed: int = 0
    rest: Sequence[range] = ()
    again: bool = False
    overrun: bool = False
    too_large: bool = False
    lost: str = ""
    outage: str = ""


def read(answer: Answer, count: int, attempt: int, *, idempotent: bool = False) -> Outcome:
    """Return what ``answer`` means for the events of a request.

    Args:
        answer: What came of the request.
        count: How many events were in it.
        attempt: How often they have been sent, with this time.
        idempotent: Whether the server knows an event again.

    Example:
        >>> from raceway.pipeline.transport import Answer
        >>> read(Answer(422, "events[1].kind: unknown variant"), 3, 1).rest
        (range(0, 1), range(2, 3))
    """
    status = answer.status
    everything = range(count)
    if status == 206:
        return _partial(answer, count, attempt)
    if 200 <= status < 300:
        return Outcome(sent=count)
    if status in (400, 422):
        return _divided(answer, count)
    if status == 413 and count > 1:
        return Outcome(rest=_halves(count), too_large=True)
    if status == 0 and answer.may_have_arrived and not idempotent:
        text = f"no answer ({answer.error}); the batch is not sent twice"
        return Outcome(unconfirmed=count, again=True, lost=text)
    if status == 0:
        text = f"not reachable ({answer.error}); events are kept and sent later"
        return Outcome(rest=(everything,), again=True, outage=text)
    if status in _UNAVAILABLE or (status >= 500 and attempt < SERVER_ERRORS):
        text = f"answers {status}; events are kept and sent later"
        return Outcome(rest=(everything,), again=True, overrun=status == 429, outage=text)
    return Outcome(refused=everything, lost=f"refuses events with {status}: {_said(answer)}")


def _partial(answer: Answer, count: int, attempt: int) -> Outcome:
    """Read a 206: the server took a part.

    One whose queue is full says of how many it took and how many it did not. It tries them in
    order, so what it did not take are the last ones. They are sent again.
    """
    found = _PARTIAL.search(answer.text)
    if found is None or '"error":null' not in answer.text.replace(" ", ""):
        text = f"it took only a part: {_said(answer)}"
        return Outcome(unconfirmed=count, again=True, overrun=True, lost=text)
    taken = max(0, count - int(found[2]))
    if not taken and attempt >= STANDSTILLS:
        return Outcome(refused=range(count), overrun=True, lost="its queue is full for too long")
    text = f"its queue is full: it took {taken} of {count}; the rest is kept and sent later"
    return Outcome(sent=taken, rest=(range(taken, count),), again=True, overrun=True, outage=text)


def _divided(answer: Answer, count: int) -> Outcome:
    """Take out the event that the server names; where it names none, try both halves."""
    text = f"refuses an event with {answer.status}: {_said(answer)}"
    if count == 1:
        return Outcome(refused=(0,), lost=text)
    found = _INDEX.search(answer.text)
    bad = int(found[1]) if found else count
    if bad >= count:
        return Outcome(rest=_halves(count), lost=text)
    rest = tuple(part for part in (range(bad), range(bad + 1, count)) if part)
    return Outcome(refused=(bad,), rest=rest, lost=text)


def _halves(count: int) -> tuple[range, range]:
    return range(count // 2), range(count // 2, count)


def _said(answer: Answer) -> str:
    return repr(answer.text[:200])
