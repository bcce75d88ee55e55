"""Who takes part in a finding, and which accesses belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raceway.report.excerpt import JOIN_DISTANCE, UNKNOWN_FRAME, user_frames

if TYPE_CHECKING:
    from raceway.model.findings import Access, Actor, Finding, Frame

_PLAIN_KINDS = ("", "main", "thread")
_MAX_ACTORS = 16


@dataclass(frozen=True, slots=True)
class Block:
    """Accesses of one actor that are shown with one piece of code.

    Attributes:
        accesses: One, or the two of a sequence that are close together.
        column: Number of the actor.
        lead: The words that lead from the block before to this one.
    """

    accesses: tuple[Access, ...]
    column: int
    lead: str = ""


def place(access: Access) -> Frame:
    """Return where the access was made."""
    return access.stack[0] if access.stack else UNKNOWN_FRAME


def own_place(access: Access, root: str) -> Frame:
    """Return the innermost line of the program itself; of a library if there is none."""
    frames = user_frames(access.stack, root)
    return frames[0][0] if frames else place(access)


def is_lock_order(finding: Finding) -> bool:
    """Tell whether the accesses are acquisitions of locks."""
    return finding.type == "lock-order-inversion"


def columns(finding: Finding) -> list[int]:
    """Number the actor of each access, as the steps of the finding do.

    Two actors can be equal in all that is known of them, such as threads started in a loop under
    one name; so their part in the finding decides.
    """
    result: list[int] = []
    for number, access in enumerate(finding.accesses):
        if is_lock_order(finding):
            new = access.role == "outer" or not result
            result.append((max(result, default=-1) + 1) if new else result[-1])
        else:
            own = not number or (
                access.actor == finding.accesses[0].actor
                and (
                    access.role in ("first", "second") or access.actor != finding.accesses[1].actor
                )
            )
            result.append(0 if own else 1)
    return result


def labels(finding: Finding) -> list[str]:
    """Name each actor; those that share a name get a number."""
    names: dict[int, str] = {}
    for column, access in zip(columns(finding), finding.accesses, strict=True):
        names.setdefault(column, _called(access.actor))
    count = max([1, len(names), *(s.actor + 1 for s in finding.steps if s.actor < _MAX_ACTORS)])
    found = [names.get(number, f"actor {number + 1}") for number in range(count)]
    return [
        f"{name} #{found[:number].count(name) + 1}" if found.count(name) > 1 else name
        for number, name in enumerate(found)
    ]


def _called(actor: Actor) -> str:
    name = actor.name or "unknown"
    if actor.kind in _PLAIN_KINDS or name.lower().startswith(actor.kind.lower()):
        return name
    return f"{actor.kind} {name}"


def blocks(finding: Finding) -> list[Block]:
    """Group the accesses: the two of a sequence that are close together make one block."""
    result: list[Block] = []
    for column, access in zip(columns(finding), finding.accesses, strict=True):
        last = result[-1] if result else None
        if last and last.column == column and _joined(last.accesses, access):
            result[-1] = Block((*last.accesses, access), column, last.lead)
            continue
        lead = ""
        if last and last.column == column:
            lead = "and then" if access.role == "second" else "also"
        elif last and is_lock_order(finding):
            lead = "in the opposite order" if max(columns(finding)) == 1 else "and"
        elif last:
            lead = "and then" if access.role == "second" else "conflicts with"
        result.append(Block((access,), column, lead))
    return result


def _joined(before: tuple[Access, ...], access: Access) -> bool:
    if len(before) != 1 or (before[0].role, access.role) not in (
        ("first", "second"),
        ("outer", "inner"),
    ):
        return False
    one, two = place(before[0]), place(access)
    return (
        one.file == two.file
        and one.function == two.function
        and abs(one.line - two.line) <= JOIN_DISTANCE
        # The same helper, called from two places, is better shown twice with its callers.
        and before[0].stack[1:] == access.stack[1:]
    )


def inverted(finding: Finding) -> list[tuple[str, str]]:
    """Name, for each edge of a lock-order inversion, the lock that was held and the one wanted."""
    cycle = [lock.name for lock in finding.locks]
    held: list[str] = []
    numbers = columns(finding)
    for column in range(max(numbers, default=-1) + 1):
        names = [
            lock.name
            for number, access in zip(numbers, finding.accesses, strict=True)
            if number == column and access.role == "inner"
            for lock in access.locks
            if lock.name in cycle
        ]
        fallback = cycle[column % len(cycle)] if cycle else "a lock"
        held.append(names[0] if names else fallback)
    wanted = [*held[1:], *held[:1]]
    if len(held) == 1:
        wanted = [next((name for name in cycle if name != held[0]), "another lock")]
    return [
        (one, two if one != two else "another lock") for one, two in zip(held, wanted, strict=True)
    ]
