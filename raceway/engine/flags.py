"""Flags: variables by which cooperative actors keep each other out, or wait for each other.

Between two switch points nobody else runs.  So ``if feed.refreshing: return`` and then
``feed.refreshing = True`` without an ``await`` in between is as good as taking a lock, which is
released when the flag is reset; and ``while not box.ready: await asyncio.sleep(0)`` is as good as
waiting for an event, if it was not ready at first and one actor alone has made it so.  Here such
variables are found, and the first kind is made a lock.

A flag is a lock only if the test of the next one fails as long as it is set, so only such tests
count that let one value pass (or that no value passes but the one that is set).
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, Protocol

from raceway.engine.commutes import READS, WRITES
from raceway.engine.flag_shapes import FlagTest
from raceway.engine.judge import Judge
from raceway.engine.order import can_wait_between
from raceway.engine.shadow import Shadow, Trail, are_equal
from raceway.engine.stamped import FLAG_LOCKS, Access, ActorReplay, Site
from raceway.model import ops
from raceway.model.aging import Aging

FLAGS_KEPT = 10_000
"""Flags of a generation."""
CLAIMS_KEPT = 4
"""Flags that one actor has set at a time; the latest."""
_WRITTEN = sum(1 << kind for kind in WRITES)


class Locks(Protocol):
    """Who keeps track of what orders the actors."""

    def take_flag(self, actor: ActorReplay, number: int, site: Site) -> None:
        """Let a critical section begin."""

    def drop_flag(self, actor: ActorReplay, number: int, by: ActorReplay) -> None:
        """Let it end, by a write of ``by``."""

    def come_after(self, actor: ActorReplay, access: Access) -> None:
        """Let ``actor`` know that it comes after an access of another one."""


class _Claim(NamedTuple):
    """A flag that is set.

    Attributes:
        actor: Who has set it.
        lock: Number of the lock that it stands for.
        present: What counts is that the item is there, whatever its value.
    """

    actor: ActorReplay
    lock: int
    present: bool


class Flags:
    """The flags of one process.

    Args:
        judge: Looks at the source.

    Attributes:
        locks: Is told what they are good for; nothing is done without.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.locks: Locks | None = None
        self._claims: dict[int, _Claim] = {}
        self._of_actor: dict[int, list[int]] = {}
        self._numbers: Aging[tuple[object, ...], int] = Aging(FLAGS_KEPT)
        self._spoiled: Aging[int, bool] = Aging(FLAGS_KEPT)
        self._counted = 0

    def clear(self) -> None:
        """Forget all of them."""
        for variable in list(self._claims):
            self.forget(variable)

    def forget(self, variable: int) -> None:
        """Let go of a variable that is there no more."""
        claim = self._claims.get(variable)
        if claim is not None:
            self._end(variable, claim, claim.actor)

    def retire(self, actor: ActorReplay) -> None:
        """Let go of the flags that an actor has set: it does nothing more."""
        for variable in self._of_actor.pop(actor.number, ()):
            claim = self._claims.pop(variable)
            if self.locks is not None:
                self.locks.drop_flag(actor, claim.lock, actor)

    def follow(self, shadow: Shadow, trail: Trail, access: Access) -> None:
        """Look at an access of an actor that takes turns with others, or to a known flag.

        Args:
            shadow: Of the variable.
            trail: What the actor did to it, ``access`` included.
            access: The access.
        """
        site = access.site
        if site.flags is None:
            site.flags = (
                self._judge.waits_for(site)
                if access.kind in READS
                else not self._judge.is_update(site)
            )
        written = shadow.flagged and access.kind in WRITES
        if not (site.flags or written) or self.locks is None:
            return
        if access.kind in WRITES:
            self._written(shadow, trail, access)
        elif access.actor.turn is not None:
            self._waited(shadow, access, self.locks)

    def _waited(self, shadow: Shadow, access: Access, locks: Locks) -> None:
        """Order an actor that has waited for a value after who has written it.

        It has waited for that one only if nothing else lets it go on: neither the value that the
        variable had at first, nor what others have written.
        """
        test = self._judge.waited_for(access.site)
        if test is None or test.presence or not access.has_value:
            return
        written = [
            one
            for trail in shadow.trails.values()
            if trail.kinds & _WRITTEN
            for one in trail.accesses()
            if one.kind in WRITES
        ]
        if not written or not all(one.has_value for one in written):
            return
        first = min(written, key=_index)
        start, known = self._judge.value_at_first(shadow.number)
        lets_pass = partial(_same_answer, test, access.value)
        if lets_pass(start if known else first.value):
            return
        passing = [one for one in written if lets_pass(one.value)]
        actor = access.actor
        if len({one.actor.number for one in passing}) == 1 and passing[0].actor is not actor:
            earliest = min(passing, key=_index)
            if actor.base.get(earliest.actor.number, -1) < earliest.epoch:
                locks.come_after(actor, earliest)

    def _written(self, shadow: Shadow, trail: Trail, access: Access) -> None:
        variable = shadow.number
        claim = self._claims.get(variable)
        resets = False
        if claim is not None:
            if claim.present and _stays(access):
                return
            lent = any(held.lock == claim.lock for held in access.borrowed)
            resets = lent or claim.actor is access.actor
            self._end(variable, claim, access.actor)
        if self._spoiled.get(variable):
            return
        tested = _tested(trail, access) if access.actor.turn is not None else None
        test = self._judge.flag_test(tested.site, access.site) if tested is not None else None
        passing = _passing(test, tested, access) if test is not None and tested else None
        if test is not None and passing is not None and (claim is None or resets):
            shadow.flagged = True
            self._begin(variable, passing, access, present=test.presence)
        elif shadow.flagged and not (resets or _again(trail, access)):
            self._spoiled[variable] = True  # who writes what others have set goes by no flag

    def _begin(self, variable: int, passing: object, access: Access, *, present: bool) -> None:
        actor = access.actor
        key = (variable, actor.group, passing)
        number = self._numbers.get(key)
        if number is None:
            self._counted += 1
            number = self._numbers[key] = FLAG_LOCKS + self._counted
        own = self._of_actor.setdefault(actor.number, [])
        if len(own) >= CLAIMS_KEPT:
            self.forget(own[0])
        own.append(variable)
        self._claims[variable] = _Claim(actor, number, present)
        if self.locks is not None:
            self.locks.take_flag(actor, number, access.site)

    def _end(self, variable: int, claim: _Claim, by: ActorReplay) -> None:
        del self._claims[variable]
        own = self._of_actor.get(claim.actor.number)
        if own is not None:
            own.remove(variable)
        if self.locks is not None:
            self.locks.drop_flag(claim.actor, claim.lock, by)


def _tested(trail: Trail, access: Access) -> Access | None:
    """Return the read of the same actor that has decided about a write, with nobody in between."""
    reads = [
        one
        for one in trail.places.values()
        if one.kind == ops.READ and one.segment == access.segment and one.index < access.index
    ]
    if not reads:
        return None
    latest = max(reads, key=_index)
    if can_wait_between(latest, access):
        return None
    for one in trail.places.values():
        if one.kind in WRITES and latest.index < one.index < access.index:
            return None
    return latest


def _again(trail: Trail, access: Access) -> bool:
    """Tell whether an actor resets once more what it had set itself."""
    return access.unchanged and any(
        one.kind in WRITES and not are_equal(one.value, access.value)
        for one in trail.places.values()
    )


def _stays(access: Access) -> bool:
    """Tell whether an item is there after a write: what removes it stores nothing."""
    return access.kind == ops.GROW or access.has_value or bool(access.type_name)


def _passing(test: FlagTest, read: Access, write: Access) -> object:
    """Return what values pass a test, as a key; None if what was written passes, too."""
    if test.presence:
        return ("absent",) if write.kind == ops.GROW else None
    if not (read.has_value or write.kind == ops.GROW):
        return None
    before = read.value if read.has_value else None
    if not test.compares:
        truth = bool(before)
        # What is no scalar is an object, and mostly counts as true.
        written = bool(write.value) if write.has_value else bool(write.type_name)
        return ("truth", truth) if written is not truth else None
    same = write.has_value and are_equal(write.value, test.constant)
    key = type(test.constant).__name__, test.constant
    if are_equal(before, test.constant):
        return None if same or not (write.has_value or write.type_name) else ("is", *key)
    return ("not", *key) if same else None


def _same_answer(test: FlagTest, passed: object, value: object) -> bool:
    """Tell whether a test says the same of a value as of one that has passed."""
    if test.compares:
        return are_equal(value, test.constant) is are_equal(passed, test.constant)
    return bool(value) is bool(passed)


def _index(access: Access) -> int:
    return access.index
