"""What a server is told of who knows what: causality vectors that stay short.

A server compares two events by their vectors alone, and every event has a component of its own
trace. With one trace and one component for each thread and task, the vectors of a program that
starts a thousand tasks would have a thousand entries, and all of them together a million.

So a *lane* is handed down: whoever begins when another one is over, and knows that, goes on in its
lane, with its trace, its component and its thread id. To a server they are one thread, which is
right, as nothing of the one can be concurrent with anything of the other. There are as many lanes
as there are actors at the same time, however many there have been.

What the lanes of those had counted who have retired is known to all: it is in every vector.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping
from typing import Any

from raceway.context import TraceContext
from raceway.pipeline.events import NEW_IDS, Ids

TRACES_KNOWN = 3
"""Latest traces of an actor that later events of others refer to."""
MARKS_KEPT = 4096
"""Epochs of an actor at which events of its were sent; of older ones too much is known."""
LOOKED_AT = 16
"""Of those who are over, how many are asked after for each one that begins."""
OVER_KEPT = 256
"""Components of those who have retired; the latest."""

Vector = dict[str, int]


class Trace:
    """A trace, as this process takes part in it.

    Attributes:
        context: Its ids.
        root: Id of the event that the others hang under.
        sent: How many events of it were sent.
    """

    __slots__ = ("context", "root", "sent")

    def __init__(self, context: TraceContext) -> None:
        self.context = context
        self.root: str | None = None
        self.sent = 0


class Lane:
    """A series of actors, each of which began when the one before was over.

    Attributes:
        number: Number of the lane in its process.
        component: Its name in vectors.
        trace: The trace of its events, but for those of HTTP requests.
        sent: How many events it has sent.
        owner: Number of the actor that is in it.
    """

    __slots__ = ("component", "number", "owner", "sent", "trace")

    def __init__(self, number: int, ids: Ids) -> None:
        self.number = number
        self.component = ids.trace()
        self.trace = Trace(TraceContext(ids.trace(), ids.span()))
        self.sent = 0
        self.owner = 0


class History:
    """What one actor has sent, and at which epochs.

    Args:
        lane: Where it goes on.

    Attributes:
        current: The trace that it is in: its lane's, or that of an HTTP request.
        clock: What it knew when it sent ``anchor``.
        anchor: Id of its last event in this trace that said all that it knew.
        cut: Whether the oldest marks are gone.
        over: Whether it has ended.
        stamp: When it sent its last event; the greater, the later.
    """

    __slots__ = ("anchor", "clock", "current", "cut", "epochs", "lane", "marks", "over", "stamp")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.current = lane.trace
        self.epochs: list[int] = []
        self.marks: list[tuple[int, tuple[tuple[str, int], ...]]] = []
        self.cut = False
        self.clock: object = None
        self.anchor: str | None = None
        self.stamp = 0
        self.over = False

    def enter(self, trace: Trace) -> None:
        """Go on in another trace."""
        self.current = trace
        self.anchor = None

    def tick(self, epoch: int) -> Vector:
        """Count an event at ``epoch``; return the actor's own part of its causality vector."""
        trace, lane = self.current, self.lane
        lane.sent += 1
        trace.sent += 1
        trace_id = trace.context.trace_id
        # The traces that it was in lately, and how far it was in each; the present one first.
        traces = self.marks[-1][1] if self.marks else ()
        earlier = tuple(entry for entry in traces if entry[0] != trace_id)
        mark = (lane.sent, ((trace_id, trace.sent), *earlier[: TRACES_KNOWN - 1]))
        if self.epochs and self.epochs[-1] == epoch:
            self.marks[-1] = mark
        else:
            if len(self.epochs) >= 2 * MARKS_KEPT:
                self.cut = True
                del self.epochs[:MARKS_KEPT], self.marks[:MARKS_KEPT]
            self.epochs.append(epoch)
            self.marks.append(mark)
        return {trace_id: trace.sent, lane.component: lane.sent}

    def known_at(self, epoch: int) -> Vector:
        """Return what somebody knows of this actor who knows it up to ``epoch``."""
        at = bisect_right(self.epochs, epoch)
        if not at:
            if not self.cut:
                return {}
            at = 1  # too much rather than too little, which would accuse
        sent, traces = self.marks[at - 1]
        # One more than it had: the server wants one component to be strictly greater.
        return {self.lane.component: sent, **{trace: count + 1 for trace, count in traces}}

    def last(self) -> int:
        """Return the epoch of its last event."""
        return self.epochs[-1] if self.epochs else 0


class Lanes:
    """The lanes of a process: who is in which, and which are free.

    Args:
        ids: Gives traces and components their ids.
    """

    def __init__(self, ids: Ids = NEW_IDS) -> None:
        self._ids = ids
        self.histories: dict[int, History] = {}
        self.over: Vector = {}
        self._count = 0
        self._free: list[Lane] = []
        self._ended: deque[int] = deque()

    def of(self, actor: int) -> History:
        """Return the history of an actor; a new one goes on in a lane that is free for all."""
        history = self.histories.get(actor)
        if history is None:
            history = self._begin(actor, self._free)
        elif history.lane.owner != actor:
            # It goes on after its end, and another one is in its lane. What it did before is taken
            # to be known to all.
            self._forget(history)
            history = self._begin(actor, self._free)
        return history

    def fork(self, child: int, knows: Mapping[Any, int]) -> None:
        """Let an actor that begins go on in the lane of one that is known to be over.

        Args:
            child: Its number.
            knows: The clock that it begins with.
        """
        if child not in self.histories:
            lane = self._inherited(knows)
            self._begin(child, [lane] if lane else self._free)

    def _inherited(self, knows: Mapping[Any, int]) -> Lane | None:
        for _ in range(min(len(self._ended), LOOKED_AT)):
            number = self._ended.popleft()
            history = self.histories.get(number)
            if history is None or history.lane.owner != number:
                continue
            if knows.get(number, -1) >= history.last():
                return history.lane
            self._ended.append(number)
        return None

    def ended(self, actor: int) -> None:
        """Take note that an actor is over; not everybody knows of it yet."""
        history = self.histories.get(actor)
        if history is not None and not history.over:
            history.over = True
            self._ended.append(actor)

    def retire(self, actor: int, *, reusable: bool) -> None:
        """Take note that everybody knows that an actor is over.

        Args:
            actor: Its number.
            reusable: Whether another one may go on in its lane.
        """
        history = self.histories.pop(actor, None)
        if history is None:
            return
        self._forget(history)
        if reusable and history.lane.owner == actor:
            self._free.append(history.lane)

    def _forget(self, history: History) -> None:
        for key, count in history.known_at(history.last()).items():
            if self.over.get(key, -1) < count:
                # Taken out first: the order is that of the last change.
                self.over.pop(key, None)
                self.over[key] = count
        while len(self.over) > OVER_KEPT:
            del self.over[next(iter(self.over))]

    def _begin(self, actor: int, free: list[Lane]) -> History:
        if free:
            lane = free.pop()
        else:
            self._count += 1
            lane = Lane(self._count, self._ids)
        lane.owner = actor
        history = self.histories[actor] = History(lane)
        return history


def merge(vector: Vector, other: Vector) -> None:
    """Let ``vector`` know what ``other`` knows."""
    for key, count in other.items():
        if vector.get(key, -1) < count:
            vector[key] = count
