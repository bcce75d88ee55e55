"""Replay: turns the op stream of a process into stamped accesses.

It keeps four orders for every actor, each a vector clock:

``life``
    program order, fork and join, and what was sent and received: who can be there at the same
    time at all.
``base``
    ``life``, and the locks of conditions that are waited on or notified: what holds in every run.
``hard``
    ``base``, and a release of a lock before a later access under the same lock if the two
    critical sections conflict on a variable.  Such an order is causal: what was done under the
    lock may depend on it.  The rule is the first one of WCP ("Dynamic Race Prediction in Linear
    Time", D. Kini, U. Mathur and M. Viswanathan, PLDI 2017).

    Both are closed under the second rule: whoever is in a critical section, and comes after the
    beginning of another one of the same lock, comes after its end.  A turn of a cooperative actor,
    from one switch point to the next, is a critical section of its group.
``full``
    ``hard``, and every release before the next acquire of the same lock: classic
    happens-before, the order of this very run.

The detectors decide what to make of them; replay knows nothing about findings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from raceway.engine import atomicity, races
from raceway.engine.analyzer import TRAILS_BEGUN, Analyzer, Race, Violation
from raceway.engine.definitions import Definitions
from raceway.engine.flags import Locks
from raceway.engine.judge import Pattern
from raceway.engine.order import excluded
from raceway.engine.pairs import Pair
from raceway.engine.shadow import Sequence, Shadow, Trail
from raceway.engine.stamped import (
    CONDITION,
    GROW_BIT,
    INSERTION,
    READ_BIT,
    UNWATCHED,
    Access,
    ActorReplay,
    Cause,
    Held,
    LockOrder,
    Message,
    Section,
    Site,
    Sleepers,
    Stack,
)
from raceway.model import ops
from raceway.model.aging import Aging
from raceway.model.clocks import EMPTY, clock_of, join
from raceway.model.compiled import load
from raceway.pipeline.conflicts import BITS, Conflicts, Done
from raceway.pipeline.lock_waits import LockWaits
from raceway.pipeline.messages import NO_MAIL, NOBODY, Channels, Hearsay, Mailbox, learn, meet
from raceway.pipeline.numbers import PROCESS_BITS
from raceway.pipeline.retirement import Retirement
from raceway.pipeline.sections import end_of, enter, hear_of, learn_causally, told_by

LOCKS_KEPT = 20_000
"""Locks of a generation."""
_CAUSES_KEPT = 32
_SLEEPERS_KEPT = 8
_WAITS_KEPT = 8
_LENT_KEPT = 1024
_NO_LOCKS: frozenset[int] = frozenset()
_NO_SECTIONS: frozenset[tuple[int, int]] = frozenset()


class Detector(Protocol):
    """What replay feeds."""

    def attach(self, locks: Locks) -> None:
        """Learn whom to tell of locks that nobody but a detector recognises."""

    def access(self, access: Access) -> None:
        """Take the next access; its order and, where it was recorded, its value are known."""

    def lock_order(self, edge: LockOrder) -> None:
        """Learn that an actor waited for a lock while it held another one."""

    def finalized(self, variable: int) -> None:
        """Learn that an object is out of everybody's reach, its finaliser excepted."""

    def left(self, held: Held) -> None:
        """Learn that a critical section has ended."""

    def heard(self, held: Held) -> Iterable[Message]:
        """Tell after which ends of others a critical section is meant to come that has begun."""

    def signalled(self, lock: int) -> None:
        """Learn that a lock is released by others than take it, or could be."""

    def retire(self, actor: ActorReplay) -> None:
        """Forget what an actor did: it comes before everything that is still to happen."""


class _LockReplay:
    __slots__ = (
        "active", "alone", "conflicts", "hard", "holder", "last", "passive", "signal", "sleepers",
        "told", "waited",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.alone = frozenset([number])  # the locks of who holds no other one
        self.holder: ActorReplay | None = None
        self.last: Message | None = None
        self.active: Message | None = None  # of the last section that may have been waited for
        self.passive = False  # the last section was none of these
        self.signal: Message | None = None
        self.hard = False
        self.waited = False  # its last holder may have been there to wait
        self.sleepers: Sleepers = {}
        self.conflicts = Conflicts()
        self.told: dict[str, dict[int, Message]] | None = None  # see raceway.engine.unwatched


class Replay:
    """Replays one process.

    Args:
        definitions: Its definitions; they grow while the log is read.
        detector: What is fed.
        mailbox: Messages between the processes.
    """

    retires = True
    """Whether actors are forgotten that come before everything that is still to happen."""

    def __init__(self, definitions: Definitions, detector: Detector, mailbox: Mailbox) -> None:
        self.definitions = definitions
        self.detector = detector
        self.mailbox = mailbox
        self.index = 0
        self.actors: dict[int, ActorReplay] = {}
        self.actors_seen = 0
        self.hearsay = Hearsay()
        self._retirement = Retirement(
            self.actors, self.hearsay, self._meet, self._retire, (NOBODY, NO_MAIL)
        )
        self._first: dict[int, ActorReplay] = {}
        self._locks: Aging[int, _LockReplay] = Aging(LOCKS_KEPT, self._forget_lock)
        self._newest_locks: dict[int, int] = {}
        self._channels = Channels(self.hearsay)
        self._stacks: dict[tuple[tuple[int, int], ...], Stack] = {}
        self._no_callers = self._stacks[()] = Stack(())
        self._places: dict[tuple[tuple[int, int], ...], Site] = {}
        # By site: whether a condition may be waited for, or notified, in a section begun there.
        self._waiting: dict[int, bool] = {}
        self._waking: dict[int, bool] = {}
        self._serial = 0
        self.waits = LockWaits(definitions.lock)
        self._handlers = {op: getattr(self, name) for op, name in _HANDLERS.items()}
        # What a subclass does instead of this one is not known to C.
        self._in_c = self._locks_in_c = type(self) is Replay
        detector.attach(self)

    # ------------------------------------------------------------ the stream

    def feed(
        self,
        stream: list[Any],
        start: int = 0,
        *,
        patient: bool = True,
        until: float = math.inf,
    ) -> int:
        """Replay ops from ``start`` on.

        Args:
            stream: Flat list of ops.
            start: Index of the first op's first item.
            patient: Stop at a message of another process that has not been seen yet.
            until: Stop at what happened later.

        Returns:
            Where it stopped: the length of ``stream``, or the op that has to wait.
        """
        if compiled is not None and self._in_c:
            return compiled.feed(self, stream, start, patient, until)  # type: ignore[no-any-return]
        actors = self.actors
        number, actor = -1, None
        for at in range(start, len(stream), ops.STRIDE):
            token, subject, thing, argument = stream[at : at + 4]
            op = subject & ops.OP_MASK
            if op == ops.TIME:
                if argument > until:
                    return at
                continue
            if token >> ops.EPOCH_BITS != number or actor is None:
                number = token >> ops.EPOCH_BITS
                actor = actors.get(number) or self._appears(number, token & ops.EPOCH_MASK)
            actor.epoch = token & ops.EPOCH_MASK
            subject >>= ops.OP_BITS
            if op <= ops.LAST_ACCESS:
                self.index += 1
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
                continue
            if op == ops.FRAME:
                self._frame(actor, subject, thing, argument)
                continue
            self.index += 1
            if op == ops.REMOTE_RECEIVE:
                if not self._receive_remotely(actor, argument, patient):
                    self.index -= 1
                    return at
            elif op != ops.VALUE:
                self._handle(op, actor, subject, thing, argument)
                actor = None  # it may have retired
        return len(stream)

    def _handle(self, op: int, actor: ActorReplay, subject: int, thing: Any, argument: Any) -> None:
        """Apply an op that is neither an access nor part of one; unknown ones are passed over."""
        handler = self._handlers.get(op)
        if handler is not None:
            handler(actor, subject, thing, argument)

    # ------------------------------------------------------------ actors and sites

    def _actor(self, number: int) -> ActorReplay:
        definition = self.definitions.actor(number)
        if definition.kind == "process job":
            # With whom it takes turns depends on what it accesses: see ActorReplay.worker.
            actor = ActorReplay(number, definition.name, "job", number)
            actor.worker = definition.group
        else:
            actor = ActorReplay(number, definition.name, definition.kind, definition.group)
        self.actors[number] = actor
        self.actors_seen += 1
        if self.retires:
            self._retirement.appeared()
        first = self._first.setdefault(actor.group, actor)
        if first is not actor:
            for mate in (actor, first):
                if mate.turn is None:
                    mate.turn = Section(-mate.group, mate, mate.epoch - 1)
        return actor

    def _appears(self, number: int, epoch: int) -> ActorReplay:
        """Make an actor of which nobody said that it was started.

        A thread from outside, of ``_thread.start_new_thread`` or an extension: whoever started it
        did that at the latest now.  Better to miss a race than to accuse without knowing.
        """
        actor = self._actor(number)
        if actor.kind == "thread":
            home = self.definitions.home
            others = [
                other
                for other in self.actors.values()
                if other is not actor and home(other.number) == home(number)
            ]
            self._learn(actor, self._known_to_all(others))
        if epoch > 1:  # it is not new: it had been retired
            self._meet(actor, self.hearsay.message)
        return actor

    @staticmethod
    def _known_to_all(actors: list[ActorReplay]) -> Message:
        """Return what has happened so far."""
        own = clock_of({actor.number: actor.epoch for actor in actors})
        return Message(None, 0, EMPTY, own, own, own)

    def _retire(self, over: list[ActorReplay]) -> None:
        """Forget actors, but for what they would say to those who ask for it later."""
        for actor in over:
            turn = actor.turn
            if turn is None:
                self._first.pop(actor.group, None)
            elif turn.end is None:
                turn.end = end_of(actor)
            self.hearsay.add(end_of(actor))
            del self.actors[actor.number]
            actor.know_nothing()
            self.detector.retire(actor)
        for lock in self._locks.values():
            if lock.sleepers:
                for actor in over:
                    lock.sleepers.pop(actor.number, None)

    @staticmethod
    def _frame(actor: ActorReplay, depth: int, code: int, offset: int) -> None:
        if depth <= 1:
            actor.stack_open = []
        if depth >= 1 and actor.stack_open is not None:
            actor.stack_open.append((code, offset))

    def site(self, actor: ActorReplay, code: int, offset: int) -> Site:
        """Return the interned site of an op of ``actor``."""
        if actor.stack_open is not None:
            frames = tuple(actor.stack_open)
            actor.stack_open = None
            actor.stack = self._stacks.get(frames)
            if actor.stack is None:
                actor.stack = self._stacks[frames] = Stack(frames)
        stack = actor.stack or self._no_callers
        innermost = (code, offset)
        return stack.sites.get(innermost) or self._new_site(stack, innermost)

    def _new_site(self, stack: Stack, innermost: tuple[int, int]) -> Site:
        """Return the site of frames not seen before; another offset may be the same place."""
        canonical = []
        for code, offset in (innermost, *stack.frames):
            known = self.definitions.code(code)
            canonical.append((code, known.canonical(offset) if known else offset))
        place = tuple(canonical)
        site = self._places.get(place)
        if site is None:
            site = self._places[place] = Site(len(self._places), place)
        stack.sites[innermost] = site
        return site

    # ------------------------------------------------------------ accesses

    def _access(self, actor: ActorReplay, op: int, variable: int, code: int, offset: int) -> Access:
        return self._stamp(actor, op, variable, self.site(actor, code, offset))

    def _stamp(self, actor: ActorReplay, op: int, variable: int, site: Site) -> Access:
        """Return an access that knows its order."""
        actor.last = actor.epoch
        if actor.held:
            self._order_by_conflicts(actor, variable, BITS[op], site)
        access = stamp(self.index, op, variable, actor, site)
        if actor.held:
            access.held = tuple(actor.held.values())
        if actor.borrowed:
            self._lend(actor, access)
        return access

    @staticmethod
    def _lend(actor: ActorReplay, access: Access) -> None:
        """Count an access to the critical sections in which its actor was started."""
        actor.borrowed = lent = tuple(held for held in actor.borrowed if held.end is None)
        actor.accessed = actor.epoch
        access.borrowed = lent
        access.locks |= {held.lock for held in lent}
        access.sections |= {(held.lock, held.serial) for held in lent}

    def _order_by_conflicts(self, actor: ActorReplay, variable: int, bits: int, site: Site) -> None:
        """Apply the first rule of WCP to an access inside critical sections."""
        for held in actor.held.values():
            if held.segment != actor.segment:
                self._sleeps(actor, held.guard)
            done = held.done.get(variable, 0)
            if not bits & ~done:
                continue  # nobody else can have come in since
            held.done[variable] = done | bits
            conflicts = held.guard.conflicts
            if conflicts.older is not None:
                learn_causally(actor, conflicts.older)
            for other in conflicts.meet(variable, bits, held):
                message = other.end
                if message is None:
                    continue
                self._note_conflict(actor, other.actor.number, variable, bits, message.epoch, site)
                learn_causally(actor, message)

    def _note_conflict(
        self, actor: ActorReplay, number: int, variable: int, bits: int, released: int, site: Site
    ) -> None:
        reads = bool(bits & READ_BIT)
        subject = INSERTION if bits == GROW_BIT else variable
        cause = Cause(subject, released, actor.epoch, site if reads else None, reads)
        self._note_cause(actor, number, cause)

    @staticmethod
    def _note_cause(actor: ActorReplay, number: int, cause: Cause) -> None:
        causes = actor.caused.setdefault(number, [])
        causes.append(cause)
        if len(causes) > _CAUSES_KEPT:
            _merge_causes(causes)

    @staticmethod
    def _sleeps(actor: ActorReplay, lock: _LockReplay) -> None:
        """Note that ``actor`` has let others run while it holds ``lock``."""
        sleepers = lock.sleepers
        if actor.number in sleepers or len(sleepers) < _SLEEPERS_KEPT:
            sleepers[actor.number] = actor.epoch

    def _value(self, access: Access, thing: int, argument: Any) -> None:
        name = self.definitions.known_type(thing)
        if name is None:
            access.value = argument
            access.has_value = True
        else:
            access.type_name = name
            access.restores = access.unchanged = argument is True

    # ------------------------------------------------------------ messages

    @staticmethod
    def _learn(actor: ActorReplay, message: Message) -> None:
        learn(actor, message)
        if message.open:
            hear_of(actor, message.open)

    def _meet(self, actor: ActorReplay, message: Message) -> None:
        """Learn from one that this actor has waited for: what it did before is over."""
        meet(actor, message)
        if message.open:
            hear_of(actor, message.open)

    def _send(self, actor: ActorReplay, channel: int, _thing: Any, _argument: Any) -> None:
        self._channels.send(channel, told_by(actor))

    def _handoff(self, actor: ActorReplay, channel: int, _thing: Any, _argument: Any) -> None:
        self._channels.hand(channel, told_by(actor))

    def _receive(self, actor: ActorReplay, channel: int, _thing: Any, _argument: Any) -> None:
        before = actor.base
        for message in self._channels.received(channel):
            if message.actor != actor.number:
                self._meet(actor, message)
        actor.news = actor.base is not before

    def _receive_remotely(self, actor: ActorReplay, name: str, patient: bool) -> bool:
        """Receive a message of another process; tell whether it was there, or nobody waits."""
        message = self.mailbox.find(name)
        if message is None and patient:
            return False
        # One that never came, or that had to go.
        self._meet(actor, message or self.mailbox.hearsay.message)
        return True

    def _remote_send(self, actor: ActorReplay, _subject: int, _thing: Any, name: str) -> None:
        self.mailbox.post(name, told_by(actor))

    def _post(self, actor: ActorReplay, channel: int, _thing: Any, argument: Any) -> None:
        message = self._channels.take(channel) if channel else told_by(actor)
        name, count = argument
        if message is not None and count > 0:
            self.mailbox.queue(name, message, count)

    def _fetch(self, actor: ActorReplay, _channel: int, _thing: Any, name: str) -> None:
        end, separator, rest = name.partition("|")
        name = self.definitions.peers.get(end, end) + separator + rest
        for message in self.mailbox.next(name):
            self._learn(actor, message)

    # ------------------------------------------------------------ locks

    def _lock(self, number: int) -> _LockReplay:
        lock = self._locks.get(number)
        if lock is None:
            lock = self._locks[number] = _LockReplay(number)
            newest = self._newest_locks.get(number >> PROCESS_BITS, 0)
            if self._locks.forgotten and number <= newest:
                lock.signal = self.hearsay.message  # it may have been forgotten
            self._newest_locks[number >> PROCESS_BITS] = max(number, newest)
        return lock

    def _forget_lock(self, number: int, lock: _LockReplay) -> None:
        if lock.holder is not None:
            self._locks[number] = lock
            return
        lock.sleepers.clear()  # those who have seen it will not learn who retires
        ends = (section.end for section in lock.conflicts.sections())
        for message in (lock.last, lock.active, lock.signal, lock.conflicts.older, *ends):
            if message is not None:
                self.hearsay.add(message)

    @staticmethod
    def _hold(actor: ActorReplay) -> None:
        if not actor.held:
            actor.locks, actor.sections = _NO_LOCKS, _NO_SECTIONS
            return
        if len(actor.held) == 1:
            (held,) = actor.held.values()
            actor.locks = held.guard.alone  # one and the same object each time
        else:
            actor.locks = frozenset(actor.held)
        actor.sections = frozenset([(held.lock, held.serial) for held in actor.held.values()])

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
                self.detector.lock_order(LockOrder(actor, outer, number, site))
        if lock.last is not None and lock.last.actor != actor.number:
            self._follow(actor, lock, lock.last, site)
        if lock.signal is not None and lock.signal.actor != actor.number:
            self._learn(actor, lock.signal)
        actor.last = actor.epoch
        self._serial += 1
        actor.held[number] = held = Held(number, actor, self._serial, site, lock)
        held.segment = actor.segment
        if waits and actor.group != actor.number:
            actor.waits = (*actor.waits, (self.index, lock.sleepers))[-_WAITS_KEPT:]
        lock.holder = actor
        if actor.begun:
            enter(actor, number)
        if lock.told is not None:
            for message in self.detector.heard(held):
                # Inside of this section it need not come before what is asked.
                held.done[UNWATCHED] = 0
                self._follow_causally(actor, message, UNWATCHED)
        self._hold(actor)

    def _follow(self, actor: ActorReplay, lock: _LockReplay, last: Message, site: Site) -> None:
        """Let ``actor``, who takes a lock, come after the one who had it last."""
        learns = lock.hard and (lock.waited or self._may_wait(site))
        # Who wakes nobody has not made what somebody else waits for.
        if learns and lock.active is not None and lock.active.actor != actor.number:
            self._learn(actor, lock.active)
        if not learns or lock.passive:
            actor.full = join(actor.full, last.full, last.actor, last.epoch)
            if lock.hard:
                self._follow_causally(actor, last, CONDITION)

    def _follow_causally(self, actor: ActorReplay, message: Message, subject: int) -> None:
        """Learn the end of a section, for a reason that is no variable."""
        cause = Cause(subject, message.epoch, actor.epoch, None, reads=False)
        self._note_cause(actor, message.actor, cause)
        learn_causally(actor, message)

    def _may_wait(self, site: Site) -> bool:
        """Tell whether who takes the lock of a condition here may be there to wait.

        Then it has waited, in a way, also if what it would have waited for was there already.
        """
        answer = self._waiting.get(site.number)
        if answer is None:
            answer = self._waiting[site.number] = self._is_marked(site, ops.WAITS)
        return answer

    @staticmethod
    def _knows(actor: ActorReplay, message: Message) -> bool:
        sender = message.actor
        return sender is not None and (
            sender == actor.number or actor.base.get(sender, -1) >= message.epoch
        )

    def _may_wake(self, site: Site) -> bool:
        """Tell whether who takes the lock of a condition here may wake somebody up."""
        answer = self._waking.get(site.number)
        if answer is None:
            answer = self._waking[site.number] = self._is_marked(site, ops.WAKES)
        return answer

    def _is_marked(self, site: Site, flag: int) -> bool:
        codes = [self.definitions.code(code) for code, _ in site.frames]
        return any(code is None or bool(code.flags & flag) for code in codes)

    def _release(self, actor: ActorReplay, number: int, _thing: Any, _argument: Any) -> None:
        lock = self._lock(number)
        held = actor.held.get(number)
        if held is None:
            # Released by somebody who did not take it: a signal, not a critical section.
            lock.signal = told_by(actor)
            self.detector.signalled(number)
            owner = lock.holder
            if owner is not None and number in owner.held:
                self._drop(owner, number, lock)
            return
        held.count -= 1
        if held.count == 0:
            self._drop(actor, number, lock)
            if held.under and actor.sections and _changes_hands(held, actor):
                self.detector.signalled(number)

    def _drop(self, actor: ActorReplay, number: int, lock: _LockReplay) -> None:
        held = actor.held.pop(number)
        if held.segment != actor.segment:
            self._sleeps(actor, lock)
        message = held.end = end_of(actor)
        # Whatever was started inside has to be over by now, or it was not inside.
        if held.lent:
            held.leaked = any(
                actor.base.get(one.number, -1) < one.accessed
                for one in held.lent
                if self.actors.get(one.number) is one  # else it has retired
            )
        lock.last = message
        lock.holder = None
        lock.waited = lock.hard and self._may_wait(held.site)
        lock.passive = held.passive or (lock.hard and not self._may_wake(held.site))
        if not lock.passive:
            before = lock.active
            if before is not None and lock.hard and not self._knows(actor, before):
                # Of several who count down, the last one wakes who waits for all of them.
                message = message.and_also(before)
            lock.active = message
        if held.site.sets is None or held.site.sets:
            self.detector.left(held)
        self._hold(actor)

    def _wait_release(self, actor: ActorReplay, number: int, _thing: Any, _argument: Any) -> None:
        lock = self._lock(number)
        lock.hard = True
        held = actor.held.get(number)
        if held is not None:
            self._waiting[held.site.number] = True
            actor.saved[number] = held.count
            self._drop(actor, number, lock)

    def _wait_acquire(self, actor: ActorReplay, number: int, code: int, offset: int) -> None:
        site = self.site(actor, code or 0, offset or 0)
        self._waiting[site.number] = True
        self._take(actor, number, site, waits=False)
        held = actor.held[number]
        held.count = actor.saved.pop(number, 1)
        held.passive = True

    def _notify(self, actor: ActorReplay, number: int, _thing: Any, _argument: Any) -> None:
        self._lock(number).hard = True
        held = actor.held.get(number)
        if held is not None:
            held.passive = False
            self._waking[held.site.number] = True

    # ------------------------------------------------------------ flags

    def take_flag(self, actor: ActorReplay, number: int, site: Site) -> None:
        """Let a critical section begin, of a variable that serves as a lock."""
        self._take(actor, number, site, waits=False)

    def drop_flag(self, actor: ActorReplay, number: int, by: ActorReplay) -> None:
        """Let that section end; it may be by one that ``actor`` has started in it."""
        held = actor.held.get(number)
        if held is None:
            return
        if by is not actor:
            held.lent = [one for one in held.lent if one is not by]
        self._drop(actor, number, self._lock(number))

    def come_after(self, actor: ActorReplay, access: Access) -> None:
        """Let ``actor`` come after an access of another one, for whose effect it has waited."""
        sender, epoch = access.actor.number, access.epoch
        self._learn(actor, Message(sender, epoch, EMPTY, access.base, access.hard, access.full))

    # ------------------------------------------------------------ births and deaths

    def _fork(self, actor: ActorReplay, number: int, code: int, offset: int) -> None:
        child = self.actors.get(number) or self._actor(number)
        child.parent = actor.name
        child.fork_site = self.site(actor, code, offset)
        is_new = child.base is EMPTY
        self._meet(child, told_by(actor))
        if is_new:
            child.origin = Message(
                actor.number, actor.epoch, child.life, child.base, child.hard, child.full
            )
        if actor.turn is not None and actor.group == child.group:
            child.begun += (actor.turn,)
        if child.kind == "call" and actor.held:
            # Its caller waits for it, and holds these until it has ended.
            child.held.update(actor.held)
            self._hold(child)
            return
        lent = (*actor.held.values(), *(held for held in actor.borrowed if held.end is None))
        if lent:
            child.borrowed = lent
            for held in lent:
                held.lent.append(child)
                if not len(held.lent) % _LENT_KEPT:
                    held.lent = [one for one in held.lent if self.actors.get(one.number) is one]

    def _join(self, actor: ActorReplay, number: int, _thing: Any, _argument: Any) -> None:
        child = self.actors.get(number)
        before = actor.base
        if child is None:
            self._meet(actor, self.hearsay.message)
        elif child is not actor:
            self._meet(actor, told_by(child))
        actor.news = actor.base is not before

    def _ended(self, actor: ActorReplay, number: int, _thing: Any, _argument: Any) -> None:
        if number == actor.number and self.retires:
            self._retirement.ended(actor)

    def _finalize(self, _actor: ActorReplay, variable: int, _thing: Any, _argument: Any) -> None:
        self.detector.finalized(variable)

    def _told(self, _actor: ActorReplay, what: int, _thing: Any, argument: Any) -> None:
        if what == ops.EVENT_WAITED:
            self.waits.note(*argument)

    def _switch(self, actor: ActorReplay, possible: int, _thing: Any, _argument: Any) -> None:
        news, actor.news = actor.news, False
        if possible and not news:
            return
        actor.segment += 1
        actor.waits = ()
        turn = actor.turn
        if turn is None:
            return
        # The op has the first epoch of the new turn.
        actor.epoch -= 1
        turn.end = end_of(actor)
        actor.turn = Section(turn.lock, actor, actor.epoch)
        actor.epoch += 1
        if actor.begun:
            enter(actor, turn.lock)


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
    ops.POST: "_post",
    ops.TAKE: "_fetch",
    ops.FORK: "_fork",
    ops.JOIN: "_join",
    ops.END: "_ended",
    ops.SWITCH: "_switch",
    ops.FINALIZE: "_finalize",
    ops.EVENT: "_told",
}


def _changes_hands(held: Held, actor: ActorReplay) -> bool:
    """Tell whether another lock decides who takes and who releases this one.

    It was taken in one section of the other lock and is released in another one, as the first of
    several readers does, and the last.  In between, that need not have been the same actor.
    """
    before = dict(held.under)
    return any(before.get(lock, serial) != serial for lock, serial in actor.sections)


def _loaded() -> Any:
    """Return the module that does in C what is done for each op, or None."""
    _replay, _ = load("raceway.pipeline._replay")
    if _replay is None:
        return None
    _replay.configure(
        {
            "access": Access, "actor": ActorReplay, "aging": Aging, "conflicts": Conflicts,
            "done": Done, "guard": _LockReplay, "held": Held, "message": Message, "pair": Pair,
            "sequence": Sequence, "shadow": Shadow, "site": Site, "stack": Stack, "trail": Trail,
            "race": Race, "violation": Violation,
        },
        {
            "analyzer": Analyzer, "excluded": excluded, "join": join, "judge": atomicity.judge,
            "learn_causally": learn_causally, "replay": Replay,
            "trails_begun": TRAILS_BEGUN,
            **{pattern.name: pattern for pattern in Pattern},
        },
        {
            "bits": [BITS[kind] for kind in range(ops.LAST_ACCESS + 1)],
            "item_races": races.ITEMS_BY_KIND, "races": races.BY_KIND,
            "with_items": races.WITH_ITEMS, "with_whole": races.WITH_WHOLE,
        },
    )  # fmt: skip
    return _replay


compiled = _loaded()


def _stamp(index: int, kind: int, variable: int, actor: ActorReplay, site: Site) -> Access:
    return Access(index, kind, variable, actor, actor.epoch, site)


analyse: Callable[[Analyzer, Access], None] = (
    Analyzer.access if compiled is None else compiled.analyse
)
remember: Callable[[Analyzer, Shadow, Access], None] = (
    Analyzer.remember if compiled is None else compiled.remember
)
stamp: Callable[[int, int, int, ActorReplay, Site], Access] = (
    _stamp if compiled is None else compiled.stamp
)
message: Callable[[ActorReplay], Message] = told_by if compiled is None else compiled.message
"""The first is for an access that was replayed in Python, where ``access`` was overridden; the last
for an actor that holds nothing and takes turns with nobody."""


def _merge_causes(causes: list[Cause]) -> None:
    """Let the two oldest causes be one, by no variable in particular, which orders as much."""
    one, two, *_ = causes
    causes[:2] = [Cause(0, max(one.released, two.released), min(one.taken, two.taken))]
