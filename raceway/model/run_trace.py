"""What happened in a run, in its order: for a trace that can be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EventKind = Literal["access", "hold", "start", "join", "request", "call", "query", "note"]
OrderKind = Literal["start", "join", "order"]


@dataclass(frozen=True, slots=True)
class TracedActor:
    """Somebody who did something in a run.

    Attributes:
        number: Known by it in the trace.
        name: As in the report.
        kind: ``thread``, ``task``, ...
        process: Process id.
        began: Its first operation.
        ended: Its last one.
        group: Number of the thread that it shares with others; its own if it is a thread.
    """

    number: int
    name: str
    kind: str
    process: int
    began: int
    ended: int
    group: int = 0


@dataclass(frozen=True, slots=True)
class TracedEvent:
    """Something that happened.

    Attributes:
        kind: ``access`` to a variable, ``hold`` of a lock, ``start`` and ``join`` of another actor,
            ``request`` that is handled, ``call`` that is made, ``query`` of a database,
            ``note`` for anything else.
        at: Its operation, counted from the beginning of the run; for a request, of its beginning.
        until: The operation that ended it; equal to ``at`` where that has no meaning.
        actor: Number of who did it.
        name: Variable, lock, other actor, or method and URL.
        detail: What was done to a variable; the status of a response.
        other: Number of the other actor, or of the lock; 0 if there is none.
        file: Where in the program; empty if that was not recorded.
        line: Where in that file.
        function: Where in that file.
        locks: Names of the locks that were held.
        value: What was read or written, as text, if it is known.
        time: Nanoseconds since the epoch, where the recording knows it; else 0.
    """

    kind: EventKind
    at: int
    until: int
    actor: int
    name: str
    detail: str = ""
    other: int = 0
    file: str = ""
    line: int = 0
    function: str = ""
    locks: tuple[str, ...] = ()
    value: str = ""
    time: int = 0


@dataclass(frozen=True, slots=True)
class TracedOrder:
    """That something happened before something else.

    Attributes:
        kind: ``start``, ``join``, or ``order`` for all other synchronisation.
        before: Number of who did the first.
        since: Its operation.
        after: Number of who did the other.
        at: Its operation.
    """

    kind: OrderKind
    before: int
    since: int
    after: int
    at: int


@dataclass(frozen=True, slots=True)
class RunTrace:
    """The operations of a run, the last ones if there were too many.

    Attributes:
        actors: Who did something, in the order of their first operations.
        events: What, in order.
        omitted: How many events there were before these.
        first: The operation from which on nothing is left out.
        orders: What the events say of the order of different actors; locks are left out.
        processes: Names of processes, by their ids, where a report has none.
    """

    actors: tuple[TracedActor, ...] = ()
    events: tuple[TracedEvent, ...] = ()
    omitted: int = 0
    first: int = 0
    orders: tuple[TracedOrder, ...] = ()
    processes: tuple[tuple[int, str], ...] = ()
