"""What is learned of critical sections and turns that others are in: the second rule of WCP.

Whoever is in a section, and knows the beginning of another one that it cannot overlap with, comes
after the end of that one.  So a message tells which sections its sender had begun, and whoever
hears of one keeps it until it enters such a section itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raceway.engine.stamped import Message
from raceway.model.clocks import join
from raceway.pipeline.messages import learn

if TYPE_CHECKING:
    from raceway.engine.stamped import ActorReplay, Section
    from raceway.model.clocks import Clock

BEGUN_KEPT = 8
"""Sections that an actor remembers, of those that it has heard of and maybe not the end; the
latest."""


def told_by(actor: ActorReplay) -> Message:
    """Return what ``actor`` tells others now."""
    begun: tuple[Section, ...] = actor.begun
    if actor.held:
        begun += tuple(actor.held.values())
    if actor.turn is not None:
        begun += (actor.turn,)
    return Message(
        actor.number, actor.epoch, actor.life, actor.base, actor.hard, actor.full, begun,
        actor.origin,
    )  # fmt: skip


def end_of(actor: ActorReplay) -> Message:
    """Return what ``actor`` knows at the end of a section.

    Without sections of others, or each one would keep all earlier ones alive.
    """
    begun = tuple(actor.held.values()) if actor.held else ()
    return Message(actor.number, actor.epoch, actor.life, actor.base, actor.hard, actor.full, begun)


def hear_of(actor: ActorReplay, sections: tuple[Section, ...]) -> None:
    """Let ``actor`` learn what follows from sections of others whose beginning it knows.

    The end of one may tell of others.  These are looked at right after it, before what comes next,
    and none twice unless the actor has learned something since: critical sections that two actors
    share, since one waits for the other, may tell of each other.

    Args:
        actor: Who has heard.
        sections: Of what.  Those whose end cannot be learned now are kept until later.
    """
    learned: dict[Section, tuple[Clock, Clock]] = {}
    waiting = list(reversed(sections))
    while waiting:
        section = waiting.pop()
        if section.actor is actor:
            continue
        if section.lock in actor.held or section.lock == -actor.group:
            base, hard = learned.get(section, (None, None))
            if base is actor.base and hard is actor.hard:
                continue
            waiting += reversed(_learn_end(actor, section))
            learned[section] = actor.base, actor.hard
        elif section not in actor.begun:
            # Whoever has heard of its next section knows the end of the one before.
            others = [
                one
                for one in actor.begun
                if one.actor is not section.actor or one.lock != section.lock
            ]
            actor.begun = (*others[1 - BEGUN_KEPT :], section)


def enter(actor: ActorReplay, lock: int) -> None:
    """Learn the ends of sections that the one that ``actor`` is in now cannot overlap with.

    Args:
        actor: Who has entered it.
        lock: Its lock; for a turn, the number of the group with a minus sign.
    """
    hear_of(actor, tuple([section for section in actor.begun if section.lock == lock]))
    # It may have heard of others meanwhile.
    actor.begun = tuple([section for section in actor.begun if section.lock != lock])


def learn_causally(actor: ActorReplay, message: Message) -> None:
    """Learn what need not be so in every run, but is meant."""
    told = _learn_causally(actor, message)
    if told:
        hear_of(actor, told)


def _learn_causally(actor: ActorReplay, message: Message) -> tuple[Section, ...]:
    """Learn that, and return which sections the message tells of, if it was news."""
    if actor.hard.get(message.actor, -1) >= message.epoch:
        return ()
    actor.last = actor.epoch
    actor.hard = join(actor.hard, message.hard, message.actor, message.epoch)
    return message.open


def _learn_end(actor: ActorReplay, section: Section) -> tuple[Section, ...]:
    """Learn the end of a section, and return of which others it tells."""
    message = section.end
    if message is None:
        if section.lock >= 0:
            return ()  # its release was not seen
        message = end_of(section.actor)  # a turn is over when mates run
    if actor.base.get(section.actor.number, -1) <= section.start:
        return _learn_causally(actor, message)
    learn(actor, message)
    return message.open
