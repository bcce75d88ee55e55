"""Questions about the order of two accesses of one process."""

from __future__ import annotations

from collections.abc import Callable

from raceway.engine.stamped import CONDITION, INSERTION, WRITE_BIT, Access, Cause, Held

Sections = frozenset[tuple[int, int]]
Matters = Callable[[Cause, Access], bool]


def hard_before(earlier: Access, later: Access) -> bool:
    """Tell whether ``earlier`` happens before ``later`` by causality (mutex order left out)."""
    number = earlier.actor.number
    return later.actor.number == number or later.hard.get(number, -1) >= earlier.epoch


def full_before(earlier: Access, later: Access) -> bool:
    """Tell whether ``earlier`` happens before ``later`` in the classic sense, in this run."""
    number = earlier.actor.number
    return later.actor.number == number or later.full.get(number, -1) >= earlier.epoch


def excluded(sections: Sections, lent: tuple[Held, ...], other: Access) -> bool:
    """Tell whether a common lock keeps ``other`` out of critical sections.

    Two actors that were started inside one and the same critical section do not exclude each
    other, and one that outlived the section was never protected by it.

    Args:
        sections: The critical sections.
        lent: Those of their locks that belong to whoever started the actor.
        other: An access of somebody else.
    """
    if not sections or not other.locks:
        return False
    guards = other.locks.intersection(lock for lock, _ in sections - other.sections)
    if guards and (lent or other.borrowed):
        guards -= {held.lock for held in (*lent, *other.borrowed) if held.leaked}
    return bool(guards)


def forget_leaked(access: Access) -> None:
    """Take the locks off ``access`` that turned out not to have protected it.

    They belong to whoever started its actor, and were let go of before that was over: while it
    worked, that could not be known.
    """
    leaked = {(held.lock, held.serial) for held in access.borrowed if held.leaked}
    if leaked:
        access.sections -= leaked
        access.locks = frozenset(lock for lock, _ in access.sections)
        access.borrowed = tuple(held for held in access.borrowed if not held.leaked)


def can_wait_between(first: Access, second: Access) -> bool:
    """Tell whether a cooperative actor, which did not wait between the two, could have had to.

    It took a lock there that others hold while they wait for something.
    """
    return any(
        index > first.index
        and any(
            number != first.actor.number and first.hard.get(number, -1) < epoch
            for number, epoch in sleepers.items()
        )
        for index, sleepers in second.waits
    )


def must_precede(
    earlier: Access,
    later: Access,
    variable: int,
    matters: Matters,
    relying: Access | None = None,
) -> bool:
    """Tell whether ``earlier`` comes first even if the critical sections on ``variable`` swap.

    For an atomicity violation the question is what happens when critical sections are taken in
    another order, so the order that comes from conflicts on the variable itself does not count.
    One that comes from another variable does, as the program may branch on that one; unless the
    section is the one in which ``later`` lies, and its source says that it does not, or what
    relies on it stores both variables in one section, since then they are one state.  Nor does
    it count that both held the lock of a condition, where neither was there to wait, nor that
    something was inserted into a container: what is in there already makes no difference to that.

    Args:
        earlier: An access.
        later: An access of another actor.
        variable: What both access.
        matters: Tells whether what was read at the place of a cause makes a difference to an
            access of the same actor.
        relying: What that actor does later, relying on ``later``.
    """
    number = earlier.actor.number
    if later.actor.number == number or later.base.get(number, -1) >= earlier.epoch:
        return True
    if later.hard.get(number, -1) < earlier.epoch:
        return False
    causes = [
        cause
        for cause in later.actor.caused.get(number, ())
        if cause.released >= earlier.epoch and cause.taken <= later.epoch
    ]
    if not causes:
        return True
    return any(
        cause.variable not in (variable, CONDITION, INSERTION)
        and (
            not any(cause.variable in held.done for held in later.held)
            or _matters(cause, later, matters)
            or (
                relying is not None
                and not (relying.site is earlier.site and _stores(earlier, cause.variable))
                and _matters(cause, relying, matters)
            )
        )
        for cause in causes
    )


def _matters(cause: Cause, access: Access, matters: Matters) -> bool:
    return not _stores(access, cause.variable) and matters(cause, access)


def _stores(access: Access, variable: int) -> bool:
    """Tell whether ``variable`` is written in a critical section in which the access is."""
    return any(held.done.get(variable, 0) & WRITE_BIT for held in access.held)
