"""Replay: turns the op stream of a process into stamped accesses.

It keeps four orders for every actor, each a vector clock:

``life``
    program order, fork and join: who can be there at the same time at all.
``base``
    ``life``, send and receive, and the locks of conditions that are waited on or notified: what
    holds in every run.
``hard``
    ``base``, and a release of a lock before a later access under the same lock if the two
    critical sections conflict on a variable.  Such an order is causal: what was done under the
    lock may depend on it.  The rule is the first one of WCP ("Dynamic Race Prediction in Linear
    Time", D. Kini, U. Mathur and M. Viswanathan, PLDI 2017).
``full``
    ``hard``, and every release before the next acquire of the same lock: classic
    happens-before, the order of this very run.

The detectors decide what to make of them; replay knows nothing about findings.
"""

from __future__ import annotations

from typing import Any, Protocol

from raceway.engine.definitions import Definitions
from raceway.engine.stamped import Access, ActorReplay, Held, LockOrder, Site
from raceway.model import ops
from raceway.model.clocks import Clock, join

_READ_BIT = 1
_WRITE_BIT = 2
_GROW_BIT = 4
_SECTION_BIT = {
    ops.READ: _READ_BIT,
    ops.WRITE: _WRITE_BIT,
    ops.UPDATE: _READ_BIT | _WRITE_BIT,
    ops.GROW: _GROW_BIT,
    ops.LENGTH: _READ_BIT,
    ops.ITERATE: _READ_BIT,
    ops.SCAN: _READ_BIT,
    ops.STEP: _READ_BIT,
}
# Whether two critical sections that did this conflict; insertions commute with each other.
_CONFLICT = tuple(
    tuple(
        bool(one and two) and bool((one | two) & _WRITE_BIT or (one | two) == _GROW_BIT | _READ_BIT)
        for two in range(8)
    )
    for one in range(8)
)
_CAUSES_KEPT = 32
_HANDOFFS_KEPT = 200_000


class Detector(Protocol):
    """What replay feeds."""

    def access(self, access: Access) -> None:
        """Take the next access; its order and, where it was recorded, its value are known."""

    def lock_order(self, edge: LockOrder) -> None:
        """Learn that an actor waited for a lock while it held another one."""


class Message:
    """What a receiver learns: everything that ``actor`` knew at ``epoch``."""

    __slots__ = ("actor", "base", "epoch", "full", "hard")

    def __init__(self, actor: object, epoch: int, base: Clock, hard: Clock, full: Clock) -> None:
        self.actor = actor
        self.epoch = epoch
        self.base = base
        self.hard = hard
        self.full = full


class _LockReplay:
    __slots__ = ("conflicts", "hard", "holder", "last", "signal")

    def __init__(self) -> None:
        self.holder: ActorReplay | None = None
        self.last: Message | None = None
        self.signal: Message | None = None
        self.hard = False
        # variable -> actor number -> (message of the release, bits of what the section did)
        self.conflicts: dict[int, dict[int, tuple[Message, int]]] = {}


class Mailbox:
    """Messages between processes, by a name that is unique across them."""

    def __init__(self) -> None:
        self.messages: dict[str, Message] = {}


class Replay:
    """Replays one process.

    Args:
        process: Number of the process in the run.
        definitions: Its definitions; they grow while the log is read.
        detector: What is fed.
        mailbox: Shared by all processes of the run.
    """

    def __init__(
        self, process: int, definitions: Definitions, detector: Detector, mailbox: Mailbox
    ) -> None:
        self.process = process
        self.definitions = definitions
        self.detector = detector
        self.mailbox = mailbox
        self.index = 0
        self.actors: dict[int, ActorReplay] = {}
        self._locks: dict[int, _LockReplay] = {}
        self._channels: dict[int, dict[object, Message]] = {}
        self._handoffs: dict[int, Message] = {}
        self._sites: dict[tuple[tuple[int, int], ...], Site] = {}
        self._places: dict[tuple[tuple[int, int], ...], Site] = {}
        self._serial = 0

    # ------------------------------------------------------------ the stream

    def feed(self, stream: list[Any], start: int = 0, *, patient: bool = True) -> int:
        """Replay ops from ``start`` on.

        Args:
            stream: Flat list of ops.
            start: Index of the first op's first item.
            patient: Stop at a message of another process that has not been seen yet.

        Returns:
            Where it stopped: the length of ``stream``, or the op that waits for a message.
        """
        actors = self.actors
        for at in range(start, len(stream), ops.STRIDE):
            token, subject, thing, argument = stream[at : at + 4]
            number = token >> ops.EPOCH_BITS
            actor = actors.get(number)
            if actor is None:
                actor = self._appears(number)
            epoch = token & ops.EPOCH_MASK
            actor.epoch = epoch
            op = subject & ops.OP_MASK
            subject >>= ops.OP_BITS
            if op == ops.FRAME:
                self._frame(actor, subject, thing, argument)
                continue
            self.index += 1
            if op <= ops.LAST_ACCESS:
                access = self._access(actor, op, subject, thing, argument)
                following = at + ops.STRIDE
                # The value was recorded in the same step as the access: right behind it.
                if (
                    following < len(stream)
                    and stream[following + 1] & ops.OP_MASK == ops.VALUE
                    and stream[following] == token
                ):
                    self._value(access, stream[following + 2], stream[following + 3])
                self.detector.access(access)
            elif op == ops.VALUE:
                pass
            elif op == ops.REMOTE_RECEIVE:
                message = self.mailbox.messages.get(argument)
                if message is None and patient:
                    self.index -= 1
                    return at
                if message is not None:
                    self._learn_remote(actor, message)
            else:
                self._handle(op, actor, subject, thing, argument)
        return len(stream)

    def _handle(self, op: int, actor: ActorReplay, subject: int, thing: Any, argument: Any) -> None:
        """Apply an op that is neither an access nor part of one; unknown ones are passed over."""
        handler = _HANDLERS.get(op)
        if handler is not None:
            getattr(self, handler)(actor, subject, thing, argument)

    # ------------------------------------------------------------ actors and sites

    def _actor(self, number: int) -> ActorReplay:
        definition = self.definitions.actor(number)
        actor = ActorReplay(number, definition.name, definition.kind, definition.group)
        self.actors[number] = actor
        return actor

    def _appears(self, number: int) -> ActorReplay:
        """Make an actor of which nobody said that it was started.

        A thread from outside, of ``_thread.start_new_thread`` or an extension: whoever started it
        did that at the latest now.  Better to miss a race than to accuse without knowing.
        """
        others = list(self.actors.values())
        actor = self._actor(number)
        if actor.kind == "thread":
            for other in others:
                self._learn(actor, self._message(other))
        return actor

    @staticmethod
    def _frame(actor: ActorReplay, depth: int, code: int, offset: int) -> None:
        if depth <= 1:
            actor.stack_open = []
        if depth >= 1 and actor.stack_open is not None:
            actor.stack_open.append((code, offset))
        if depth == 0:
            actor.stack = ()
            actor.stack_open = None

    def site(self, actor: ActorReplay, code: int, offset: int) -> Site:
        """Return the interned site of an op of ``actor``."""
        if actor.stack_open is not None:
            actor.stack = tuple(actor.stack_open)
            actor.stack_open = None
        frames = ((code, offset), *actor.stack)
        site = self._sites.get(frames)
        if site is None:
            site = self._sites[frames] = self._new_site(frames)
        return site

    def _new_site(self, frames: tuple[tuple[int, int], ...]) -> Site:
        """Return the site of frames not seen before; another offset may be the same place."""
        canonical = []
        for code, offset in frames:
            known = self.definitions.code(code)
            canonical.append((code, known.canonical(offset) if known else offset))
        place = tuple(canonical)
        site = self._places.get(place)
        if site is None:
            site = self._places[place] = Site(len(self._places), place)
        return site

    # ------------------------------------------------------------ accesses

    def _access(self, actor: ActorReplay, op: int, variable: int, code: int, offset: int) -> Access:
        site = self.site(actor, code, offset)
        if actor.held:
            self._order_by_conflicts(actor, variable, _SECTION_BIT[op])
        access = Access(self.index, op, variable, actor, actor.epoch, site)
        if actor.held:
            access.held = tuple(actor.held.values())
        return access

    def _order_by_conflicts(self, actor: ActorReplay, variable: int, bits: int) -> None:
        """Apply the WCP rule to an access inside critical sections, and note it in them."""
        for lock, held in actor.held.items():
            held.section[variable] = held.section.get(variable, 0) | bits
            earlier = self._locks[lock].conflicts.get(variable)
            if not earlier:
                continue
            for number, (message, done) in reversed(earlier.items()):
                if number == actor.number or not _CONFLICT[done][bits]:
                    continue
                causes = actor.caused.setdefault(number, [])
                causes.append((variable, message.epoch, actor.epoch))
                if len(causes) > _CAUSES_KEPT:
                    del causes[0]
                actor.hard = join(actor.hard, message.hard, number, message.epoch)

    def _value(self, access: Access, thing: int, argument: Any) -> None:
        name = self.definitions.types.get(thing)
        if name is None and thing and self.definitions.parent is not None:
            name = self.definitions.parent.types.get(thing)
        if name is None:
            access.value = argument
            access.has_value = True
        else:
            access.type_name = name

    # ------------------------------------------------------------ messages

    def _message(self, actor: ActorReplay) -> Message:
        return Message(actor.number, actor.epoch, actor.base, actor.hard, actor.full)

    @staticmethod
    def _learn(actor: ActorReplay, message: Message) -> None:
        sender, epoch = message.actor, message.epoch
        actor.base = join(actor.base, message.base, sender, epoch)
        actor.hard = join(actor.hard, message.hard, sender, epoch)
        actor.full = join(actor.full, message.full, sender, epoch)

    def _send(self, actor: ActorReplay, channel: int, _thing: Any, _argument: Any) -> None:
        messages = self._channels.setdefault(channel, {})
        # Whoever receives this message learns what its sender knew: older ones are contained.
        for sender in [
            sender
            for sender, message in messages.items()
            if actor.base.get(sender, -1) >= message.epoch
        ]:
            del messages[sender]
        messages.pop(actor.number, None)
        messages[actor.number] = self._message(actor)

    def _handoff(self, actor: ActorReplay, channel: int, _thing: Any, _argument: Any) -> None:
        handoffs = self._handoffs
        handoffs.pop(channel, None)
        handoffs[channel] = self._message(actor)
        if len(handoffs) > _HANDOFFS_KEPT:
            del handoffs[next(iter(handoffs))]

    def _receive(self, actor: ActorReplay, channel: int, _thing: Any, _argument: Any) -> None:
        message = self._handoffs.get(channel)
        if message is not None and message.actor != actor.number:
            self._learn(actor, message)
        # The newest first: it mostly contains the others, which then cost nothing.
        for earlier in reversed(self._channels.get(channel, {}).values()):
            if earlier.actor != actor.number:
                self._learn(actor, earlier)

    def _remote_send(self, actor: ActorReplay, _subject: int, _thing: Any, name: str) -> None:
        def exported(clock: Clock) -> Clock:
            return {
                (self.process, key) if isinstance(key, int) else key: epoch
                for key, epoch in clock.items()
            }

        # Within this process the numbers mean themselves, elsewhere they need the process.
        self.mailbox.messages[name] = Message(
            (self.process, actor.number),
            actor.epoch,
            exported(actor.base),
            exported(actor.hard),
            exported(actor.full),
        )

    def _learn_remote(self, actor: ActorReplay, message: Message) -> None:
        def imported(clock: Clock) -> Clock:
            return {self._local(key): epoch for key, epoch in clock.items()}

        self._learn(
            actor,
            Message(
                self._local(message.actor),
                message.epoch,
                imported(message.base),
                imported(message.hard),
                imported(message.full),
            ),
        )

    def _local(self, key: Any) -> Any:
        """Turn the name of an actor that crossed processes into the one used here."""
        return key[1] if isinstance(key, tuple) and key[0] == self.process else key

    # ------------------------------------------------------------ locks

    def _lock(self, number: int) -> _LockReplay:
        lock = self._locks.get(number)
        if lock is None:
            lock = self._locks[number] = _LockReplay()
        return lock

    def _hold(self, actor: ActorReplay) -> None:
        actor.locks = frozenset(actor.held)
        actor.sections = frozenset((held.lock, held.serial) for held in actor.held.values())

    def _acquire(self, actor: ActorReplay, number: int, code: int, offset: int) -> None:
        self._take(actor, number, self.site(actor, code, offset), waits=True)

    def _try_acquire(self, actor: ActorReplay, number: int, code: int, offset: int) -> None:
        self._take(actor, number, self.site(actor, code, offset), waits=False)

    def _take(self, actor: ActorReplay, number: int, site: Site, *, waits: bool) -> None:
        held = actor.held.get(number)
        if held is not None:
            held.count += 1
            return
        lock = self._lock(number)
        if waits and actor.held:
            for outer in actor.held.values():
                gates = actor.locks - {outer.lock}
                self.detector.lock_order(LockOrder(actor, outer, number, site, gates))
        if lock.last is not None and lock.last.actor != actor.number:
            last = lock.last
            if lock.hard:
                self._learn(actor, last)
            else:
                actor.full = join(actor.full, last.full, last.actor, last.epoch)
        if lock.signal is not None and lock.signal.actor != actor.number:
            self._learn(actor, lock.signal)
        self._serial += 1
        actor.held[number] = Held(number, self._serial, site)
        lock.holder = actor
        self._hold(actor)

    def _release(self, actor: ActorReplay, number: int, _thing: Any, _argument: Any) -> None:
        lock = self._lock(number)
        held = actor.held.get(number)
        if held is None:
            # Released by somebody who did not take it: a signal, not a critical section.
            lock.signal = self._message(actor)
            owner = lock.holder
            if owner is not None and number in owner.held:
                self._drop(owner, number, lock)
            return
        held.count -= 1
        if held.count == 0:
            self._drop(actor, number, lock)

    def _drop(self, actor: ActorReplay, number: int, lock: _LockReplay) -> None:
        held = actor.held.pop(number)
        message = self._message(actor)
        for variable, done_here in held.section.items():
            by_actor = lock.conflicts.setdefault(variable, {})
            earlier = by_actor.pop(actor.number, None)
            bits = done_here | (earlier[1] if earlier else 0)
            # What this section was ordered after, and conflicts with at least as much, is
            # contained in it: the table stays as short as the number of unordered sections.
            contained = [
                other
                for other, (release, done) in by_actor.items()
                if not done & ~bits and actor.hard.get(other, -1) >= release.epoch
            ]
            for other in contained:
                del by_actor[other]
            by_actor[actor.number] = (message, bits)
        lock.last = message
        lock.holder = None
        self._hold(actor)

    def _wait_release(self, actor: ActorReplay, number: int, _thing: Any, _argument: Any) -> None:
        lock = self._lock(number)
        lock.hard = True
        held = actor.held.get(number)
        if held is not None:
            actor.saved[number] = held.count
            self._drop(actor, number, lock)

    def _wait_acquire(self, actor: ActorReplay, number: int, code: int, offset: int) -> None:
        self._take(actor, number, self.site(actor, code or 0, offset or 0), waits=False)
        actor.held[number].count = actor.saved.pop(number, 1)

    def _notify(self, _actor: ActorReplay, number: int, _thing: Any, _argument: Any) -> None:
        self._lock(number).hard = True

    # ------------------------------------------------------------ births and deaths

    def _fork(self, actor: ActorReplay, number: int, code: int, offset: int) -> None:
        child = self.actors.get(number) or self._actor(number)
        child.parent = actor
        child.fork_site = self.site(actor, code, offset)
        self._learn(child, self._message(actor))
        child.life = join(child.life, actor.life, actor.number, actor.epoch)

    def _join(self, actor: ActorReplay, number: int, _thing: Any, _argument: Any) -> None:
        child = self.actors.get(number)
        if child is not None and child is not actor:
            self._learn(actor, self._message(child))
            actor.life = join(actor.life, child.life, child.number, child.epoch)

    def _switch(self, actor: ActorReplay, _subject: int, _thing: Any, _argument: Any) -> None:
        actor.segment += 1


_HANDLERS = {
    ops.ACQUIRE: "_acquire",
    ops.TRY_ACQUIRE: "_try_acquire",
    ops.RELEASE: "_release",
    ops.WAIT_RELEASE: "_wait_release",
    ops.WAIT_ACQUIRE: "_wait_acquire",
    ops.NOTIFY: "_notify",
    ops.SEND: "_send",
    ops.HANDOFF: "_handoff",
    ops.RECEIVE: "_receive",
    ops.REMOTE_SEND: "_remote_send",
    ops.FORK: "_fork",
    ops.JOIN: "_join",
    ops.SWITCH: "_switch",
}
