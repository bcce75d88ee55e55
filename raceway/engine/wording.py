"""What a finding says: one sentence each for what goes wrong, why, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from raceway.engine.commutes import READS, WORDS, WRITES
from raceway.engine.stamped import Access, Site
from raceway.model import ops
from raceway.model.findings import LockRef, Step

_PLURAL = {
    "thread": "threads",
    "task": "tasks",
    "callback": "callbacks",
    "greenlet": "greenlets",
    "job": "jobs",
    "process": "processes",
}
_LOCK_FOR = {
    "task": "asyncio.Lock",
    "callback": "asyncio.Lock",
    "greenlet": "gevent lock",
}


def who(first: Access, second: Access) -> str:
    """Return "two threads", "two tasks" or "a thread and a task"."""
    one, two = first.actor.kind, second.actor.kind
    if one == two:
        return f"two {_PLURAL.get(one, one + 's')}"
    return f"a {one} and a {two}"


def lock_names(locks: tuple[LockRef, ...]) -> str:
    """Return the names of locks for a sentence."""
    return ", ".join(lock.name for lock in locks) or "no lock"


def lock_word(*accesses: Access, trio: bool) -> str:
    """Return the kind of lock that fits all actors; tasks may be those of trio."""
    words = {_LOCK_FOR.get(access.actor.kind, "lock") for access in accesses}
    word = words.pop() if len(words) == 1 else "lock"
    return word.replace("asyncio", "trio") if trio else word


def capital(text: str) -> str:
    """Return ``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]


# ---------------------------------------------------------------- data races


def race_message(name: str, first: Access, second: Access, *, lost: bool) -> str:
    """Say what goes wrong in a data race."""
    actors = capital(who(first, second))
    if lost:
        return f"{actors} can both read {name} before either writes it back: one update is lost."
    if first.kind in WRITES and second.kind in WRITES:
        return f"{actors} write {name} in no particular order: which value stays is left to chance."
    read, write = (first, second) if first.kind in READS else (second, first)
    if read.kind in {ops.ITERATE, ops.SCAN} and write.kind != ops.WRITE:
        return (
            f"{name} is iterated over while another {write.actor.kind} changes its structure: "
            "items are skipped, or the loop raises RuntimeError."
        )
    if read.kind == ops.SCAN:
        return f"{name} is replaced while another {read.actor.kind} reads through the container."
    return (
        f"{capital(actors.lower())} use {name} in no particular order: the read may see the value "
        "from before or after the write."
    )


def race_why(
    first: Access, second: Access, names: tuple[tuple[LockRef, ...], tuple[LockRef, ...]],
    *, observed: bool,
) -> str:  # fmt: skip
    """Say why nothing keeps the two apart."""
    one, two = (lock_names(locks) for locks in names)
    locks = (
        "neither side holds a lock"
        if not first.locks and not second.locks
        else f"no common lock: one side holds {one}, the other {two}"
    )
    if observed:
        return f"{locks}; nothing orders the two (no join, queue, event or future in between)"
    return (
        f"{locks}; in this run only the order in which another lock happened to be taken kept "
        "the two apart"
    )


def race_fix(
    name: str, first: Access, second: Access,
    names: tuple[tuple[LockRef, ...], tuple[LockRef, ...]], *, lost: bool, trio: bool,
) -> str:  # fmt: skip
    """Say what to do about a data race."""
    word = lock_word(first, second, trio=trio)
    held = names[0] or names[1]
    lock = f"the same lock ({held[0].name})" if held else f"one {word}"
    if names[0] and names[1]:
        lock = f"the same lock ({names[0][0].name} or {names[1][0].name})"
    whole = "the whole update, from the read to the write," if lost else f"every access to {name}"
    return f"hold {lock} for {whole} in both places"


def race_steps(
    first: Access, second: Access, lines: dict[int, int], *, lost: bool
) -> tuple[Step, ...]:
    """Return the interleaving that goes wrong."""
    if not lost:
        return (
            Step(0, WORDS[first.kind], lines[first.index]),
            Step(1, WORDS[second.kind], lines[second.index]),
        )
    steps = []
    for actor, access in ((0, first), (1, second)):
        if access.update_of is not None:
            steps.append(Step(actor, "read", lines[access.update_of.index]))
    steps.append(Step(1, "write", lines[second.index]))
    steps.append(Step(0, "write", lines[first.index]))
    return tuple(steps)


# ---------------------------------------------------------------- atomicity violations


def violation_message(
    name: str, first: Access, other: Access, second: Access, *, takes: bool, kept: bool
) -> str:
    """Say what goes wrong when ``other`` gets between ``first`` and ``second``.

    Args:
        name: Of the variable.
        first: The sequence's first access.
        other: What comes in between.
        second: The sequence's second access.
        takes: The first takes what the second resets.
        kept: What the first reads is a number that is used, and the second counts it on.
    """
    kind = first.actor.kind
    pair = who(first, other)
    if first.kind in WRITES and first.kind != ops.UPDATE:
        if second.kind in WRITES:
            return (
                f"A {kind} takes {name} away and sets it again later; another {other.actor.kind} "
                "can read it in between."
            )
        return (
            f"A {kind} writes {name} and later relies on reading its own value; another "
            f"{other.actor.kind} can replace it in between."
        )
    if second.kind in READS:
        return (
            f"A {kind} checks {name} and uses it later; another {other.actor.kind} can change it "
            "in between."
        )
    if takes:
        return (
            f"A {kind} reads {name} and resets it later; what another {other.actor.kind} adds in "
            "between is lost."
        )
    if kept:
        return (
            f"{capital(pair)} can both read {name} before either counts it on: both go on with the "
            "same value."
        )
    if second.update_of is first and other.kind == ops.WRITE:
        if other.update_of is None:
            return (
                f"A {kind} reads {name} and writes back what it made of it; what another "
                f"{other.actor.kind} writes in between is lost."
            )
        return (
            f"{capital(pair)} can both read {name} before either writes it back: one update is "
            "lost."
        )
    return (
        f"{capital(pair)} can both act on the same check of {name}: what was checked is no longer "
        "true when the second one acts."
    )


def gap(first: Access, second: Access, locks: tuple[LockRef, ...]) -> str:
    """Say what lets others in between ``first`` and ``second``."""
    if locks:
        names = lock_names(locks)
        if first.actor.kind in {"task", "callback"} and first.segment != second.segment:
            return f"{names} is released, and the task is suspended, between the two"
        return f"{names} is released between the two"
    if first.segment != second.segment:
        pause = {"task": "an await", "greenlet": "a switch"}.get(first.actor.kind, "a pause")
        return f"{pause} lies between the two, and no lock is held over it"
    return "no lock is held from the first to the second"


def violation_fix(
    first: Access, second: Access, lines: tuple[int, int], held: tuple[LockRef, ...], *, trio: bool
) -> str:
    """Say what to do about an atomicity violation."""
    place = f"lines {min(lines)}-{max(lines)}" if lines[0] != lines[1] else f"line {lines[0]}"
    if held:
        return f"hold {held[0].name} once over {place}, not twice"
    word = lock_word(first, second, trio=trio)
    article = "an" if word[0] in "aeiou" else "a"
    if word == "lock":
        return f"hold one lock over {place}"
    return (
        f"hold {article} {word} over {place}, or read the value again after the last switch point"
    )


def violation_steps(
    first: Access,
    other: Access,
    second: Access,
    lines: dict[int, int],
    held: tuple[LockRef, ...],
    pauses: Callable[[Site, Site], Sequence[int]],
) -> tuple[Step, ...]:
    """Return the interleaving that goes wrong.

    Args:
        first: The sequence's first access.
        other: What comes in between.
        second: The sequence's second access.
        lines: Of the accesses, by index.
        held: Locks that are let go in between.
        pauses: Returns the lines between two places on which a coroutine may be suspended.
    """
    steps = [Step(0, WORDS[first.kind], lines[first.index])]
    steps += [Step(0, "release", detail=lock.name) for lock in held]
    if first.segment != second.segment:
        if first.actor.kind == "task":
            awaits = pauses(first.site, second.site)
            steps.append(Step(0, "await", awaits[0] if awaits else 0))
        else:
            steps.append(Step(0, "switch"))
    if other.update_of is not None:
        steps.append(Step(1, "read", lines[other.update_of.index]))
    steps.append(Step(1, WORDS[other.kind], lines[other.index]))
    steps += [Step(0, "acquire", detail=lock.name) for lock in held]
    steps.append(Step(0, WORDS[second.kind], lines[second.index]))
    return tuple(steps)
