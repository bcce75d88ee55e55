"""What events of an instrumented program say beyond the fields of the wire.

That is who is ordered after whom, call stacks, and which variable it is that has a name.

A server of ours reads them (``raceway.server.program_events``) and comes to the same findings as
the embedded engine; any other server keeps them and takes no notice.  A tag is text; what has
several parts is separated by blanks, and parts of a call stack by tabs.  The full dialect says the
order of an event in a field of its own as well, for servers that read single events: :func:`order`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from raceway.model.clocks import EMPTY
from raceway.pipeline.messages import NO_MAIL, NOBODY

if TYPE_CHECKING:
    from raceway.engine.definitions import Definitions
    from raceway.engine.stamped import ActorReplay, Site
    from raceway.model.clocks import Clock

POSITION = "raceway.position"
"""Number and group of the actor, its segment and its epoch."""
AFTER = "raceway.after"
"""``actor:epoch`` of each actor of which this one has learned since its last event."""
RETIRED = "raceway.retired"
"""Numbers of actors that come before everything that is still to happen."""
FRAMES = "raceway.frames"
"""The call stack, innermost first, a line each: line, end line, column, end column, first line of
the function, flags, offset, qualified name, file."""
VARIABLE = "raceway.variable"
"""Number of the variable, its role, and the number of what it belongs to."""
VALUE = "raceway.value"
"""``type``: the value is the name of a type; ``same``: and it was this very object before."""
TASK = "raceway.task"
"""Of a spawn: number and group of the new actor, and its kind."""
TRY = "raceway.try"
"""The lock was taken without waiting for it."""
SPAN = "http.span"
"""Span of the callee, for both sides of a call."""

_FRAMES_TOLD = 8


def variable(definitions: Definitions, number: int) -> str:
    """Return the tag of a variable."""
    known = definitions.variable(number)
    return f"{number} {known.role} {known.parent}" if known else f"{number} object 0"


def task(child: ActorReplay) -> str:
    """Return the tag of an actor that is started."""
    return f"{child.number} {child.group} {child.kind}"


def frames(definitions: Definitions, site: Site) -> str:
    """Return the tag of a place in the program."""
    lines = []
    for number, offset in site.frames[:_FRAMES_TOLD]:
        code = definitions.code(number)
        if code is None:
            break
        frame = code.frame(offset)
        parts = (
            frame.line, frame.end_line, frame.column, frame.end_column, code.first_line, code.flags,
            offset, code.function, code.file,
        )  # fmt: skip
        lines.append("\t".join("" if part is None else _plain(part) for part in parts))
    return "\n".join(lines)


def _plain(part: object) -> str:
    return str(part).replace("\t", " ").replace("\n", " ")


def order(
    actor: ActorReplay, actors: Mapping[int, ActorReplay], name: Callable[[ActorReplay], str]
) -> dict[str, Any]:
    """Return what the full dialect says of the order of an event of ``actor``, all at once.

    *Hard* is what the program meant to be so. *Soft* is what only the order was in which a lock
    happened to be taken: another run may have it the other way round.

    Args:
        actor: Who.
        actors: All that are known, by number.
        name: Returns what the server calls an actor.
    """
    hard = {number: epoch for number, epoch in actor.hard.items() if number in actors}
    soft = {
        number: epoch
        for number, epoch in actor.full.items()
        if number in actors and epoch > hard.get(number, -1)
    }

    def positions(clock: dict[int, int]) -> list[tuple[str, int]]:
        return [
            (name(actors[number]), epoch)
            for number, epoch in clock.items()
            if number != actor.number
        ]

    return {
        "actor": name(actor),
        "epoch": actor.epoch,
        "hard": positions(hard),
        "soft": positions(soft),
    }


class OrderTags:
    """What the server has been told about the order of the actors of a process.

    The same as :func:`order` says, in what can be left to the server: of a clock what is new, of
    locks nothing, as they are events.
    """

    def __init__(self) -> None:
        self._told: dict[int, Clock] = {}
        self._retired: list[int] = []

    def tags(self, actor: ActorReplay) -> dict[str, str]:
        """Return the tags of an event of ``actor``."""
        tags = {POSITION: f"{actor.number} {actor.group} {actor.segment} {actor.epoch}"}
        known = self._told.get(actor.number, EMPTY)
        base = actor.base
        if base is not known:
            news = " ".join(
                f"{number}:{epoch}"
                for number, epoch in base.items()
                if number not in (NOBODY, NO_MAIL, actor.number) and known.get(number, -1) < epoch
            )
            if news:
                tags[AFTER] = news
        if self._retired:
            tags[RETIRED] = " ".join(map(str, self._retired))
        return tags

    def told(self, actor: ActorReplay) -> None:
        """Take note that the server gets to know all that ``actor`` knows."""
        self._told[actor.number] = actor.base
        self._retired.clear()

    def retire(self, number: int) -> None:
        """Take note that an actor is over for all."""
        self._told.pop(number, None)
        self._retired.append(number)
