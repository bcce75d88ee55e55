"""What actors tell each other: messages, the channels that keep them, and what is left of old ones.

Everything here is bounded.  What has to go leaves its knowledge to :class:`Hearsay`, and whoever
asks for something that is not there learns that: it may know more than it should, of what is long
past, and never less.  So a race with the far past may be missed, and nobody is accused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from raceway.engine.stamped import Message
from raceway.model.aging import Aging
from raceway.model.clocks import EMPTY, Clock, informed, join

if TYPE_CHECKING:
    from raceway.engine.stamped import ActorReplay

CHANNELS_KEPT = 10_000
"""Channels and handoffs of a generation, of either kind."""
SENDERS_KEPT = 16
"""Messages of one channel that are kept apart from each other."""
REMOTE_KEPT = 20_000
"""Messages between processes of a generation."""
NOBODY = 0
"""Stands for all who have been forgotten; actors are numbered from 1."""
NO_MAIL = 1 << 62
"""Stands for all whose messages to other processes have been forgotten."""


_NO_ORIGIN = Message(None, 0, EMPTY, EMPTY, EMPTY, EMPTY)


def learn(actor: ActorReplay, message: Message) -> None:
    """Let ``actor`` know what ``message`` says, but for who is over."""
    sender, epoch = message.actor, message.epoch
    base, hard, full = actor.base, actor.hard, actor.full
    if base.get(sender, -1) >= epoch:
        return  # what is known to base is known to the others
    actor.last = actor.epoch
    origin = _known_origin(message, actor.number, base)
    actor.base = joined = _join(base, message.base, sender, epoch, origin.base)
    # Mostly the clocks are one object: nothing but forks and messages has ordered anything yet.
    if hard is base and message.hard is message.base:
        actor.hard = joined
    else:
        actor.hard = _join(hard, message.hard, sender, epoch, origin.hard)
    if full is base and message.full is message.base:
        actor.full = joined
    else:
        actor.full = _join(full, message.full, sender, epoch, origin.full)


def meet(actor: ActorReplay, message: Message) -> None:
    """Let ``actor`` know what ``message`` says, and that what its sender did before is over."""
    life, base = actor.life, actor.base
    sender, epoch = message.actor, message.epoch
    if life.get(sender, -1) >= epoch:
        return
    learn(actor, message)
    if life is base and message.life is message.base:
        actor.life = actor.base
    else:
        origin = _known_origin(message, actor.number, life)
        actor.life = _join(life, message.life, sender, epoch, origin.life)


def _known_origin(message: Message, number: int, clock: Clock) -> Message:
    """Return the origin of a message if who has ``number`` and ``clock`` knows it."""
    origin = message.origin
    if origin is None:
        return _NO_ORIGIN
    if origin.actor == number or clock.get(origin.actor, -1) >= origin.epoch:
        return origin
    return _NO_ORIGIN


def _join(clock: Clock, other: Clock, actor: Any, epoch: int, known: Clock) -> Clock:
    """Return ``join(...)``, where ``clock`` knows all of ``known``, which ``other`` may be."""
    if other is known and actor is not None and clock.get(actor, -1) < epoch:
        return informed(clock, actor, epoch)
    return join(clock, other, actor, epoch)


class Hearsay:
    """What was known by all that has been forgotten: actors, messages, locks.

    Args:
        name: Under which name it is known in clocks; what is known by it goes up as it grows.
    """

    __slots__ = ("message",)

    def __init__(self, name: int = NOBODY) -> None:
        self.message = Message(name, 0, EMPTY, EMPTY, EMPTY, EMPTY)

    def add(self, message: Message) -> None:
        """Remember what ``message`` says, and that it was said."""
        self.message = self.message.and_also(message)
        self.message.epoch += 1


class Channels:
    """What was sent, and not replaced since.

    Args:
        hearsay: Gets what is forgotten.
    """

    def __init__(self, hearsay: Hearsay) -> None:
        self._hearsay = hearsay
        self._sent: Aging[int, dict[Any, Message]] = Aging(CHANNELS_KEPT, self._forget_channel)
        self._handed: Aging[int, Message] = Aging(CHANNELS_KEPT, self._forget_handoff)

    def send(self, channel: int, message: Message) -> None:
        """Keep a message for all who will receive from ``channel``."""
        messages = self._sent.get(channel)
        if messages is None:
            self._sent[channel] = {message.actor: message}
            return
        # Whoever receives this message learns what its sender knew: older ones are contained.
        life = message.life
        for sender in [
            sender for sender, one in messages.items() if life.get(sender, -1) >= one.epoch
        ]:
            del messages[sender]
        messages.pop(message.actor, None)
        messages[message.actor] = message
        if len(messages) > SENDERS_KEPT:
            _merge(messages)

    def hand(self, channel: int, message: Message) -> None:
        """Keep a message in the place of what ``channel`` was handed before."""
        self._handed[channel] = message

    def take(self, channel: int) -> Message | None:
        """Remove and return what ``channel`` was handed, or None."""
        message = self._handed.pop(channel)
        return self._hearsay.message if message is None and self._handed.forgotten else message

    def received(self, channel: int) -> Iterator[Message]:
        """Yield what a receiver learns, the newest first: it mostly contains the others."""
        handed, sent = self._handed.get(channel), self._sent.get(channel)
        if handed is not None:
            yield handed
        if sent is not None:
            yield from reversed(list(sent.values()))
        if handed is None and sent is None and self._hearsay.message.epoch:
            yield self._hearsay.message

    def _forget_channel(self, _channel: int, messages: dict[Any, Message]) -> None:
        for message in messages.values():
            self._hearsay.add(message)

    def _forget_handoff(self, _channel: int, message: Message) -> None:
        self._hearsay.add(message)


def _merge(messages: dict[Any, Message]) -> None:
    """Make one message of the older half."""
    apart = list(messages.values())
    older, newer = apart[: len(apart) // 2], apart[len(apart) // 2 :]
    whole = Message(None, 0, EMPTY, EMPTY, EMPTY, EMPTY)
    for message in older:
        whole = whole.and_also(message)
    messages.clear()
    messages[None] = whole
    messages.update((message.actor, message) for message in newer)


class Mailbox:
    """Messages between processes, by a name that is unique across them."""

    def __init__(self) -> None:
        self.hearsay = Hearsay(NO_MAIL)
        self._messages: Aging[str, Message] = Aging(REMOTE_KEPT, self._forget)
        # By name: messages for one receiver each, and for how many; oldest first.
        self._queues: Aging[str, deque[tuple[Message, int]]] = Aging(REMOTE_KEPT, self._forget_all)

    def post(self, name: str, message: Message) -> None:
        """Keep a message."""
        self._messages[name] = message

    def find(self, name: str) -> Message | None:
        """Return a message, or None if it did not come, or was forgotten."""
        return self._messages.get(name)

    def queue(self, name: str, message: Message, count: int) -> None:
        """Keep a message for the next ``count`` receivers, each of whom gets one."""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = deque()
        queue.append((message, count))
        if len(queue) > REMOTE_KEPT:
            self.hearsay.add(queue.popleft()[0])

    def next(self, name: str) -> Iterator[Message]:
        """Yield the next message of a queue, with what stands for those that are forgotten."""
        queue = self._queues.get(name)
        if queue:
            message, count = queue.popleft()
            if count > 1:
                queue.appendleft((message, count - 1))
            elif not queue:
                self._queues.pop(name)
            yield message
        if self.hearsay.message.epoch:
            yield self.hearsay.message

    def _forget_all(self, _name: str, queue: deque[tuple[Message, int]]) -> None:
        for message, _ in queue:
            self.hearsay.add(message)

    def _forget(self, _name: str, message: Message) -> None:
        self.hearsay.add(message)
