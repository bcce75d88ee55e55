"""Does anybody else hold this container?

A plain container that becomes part of something watched is replaced by a tracked one.  That is
invisible only if nobody else holds the plain one.  The reference count says so, but what it is
for a value with no other holder depends on the interpreter and on the way the value came: as an
argument, from a dict, from a call.  So it is measured here, once, along the same ways; where the
count of a held value does not differ, everything counts as held.
"""

from __future__ import annotations

import sys

from raceway.record.accelerator import accelerator

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

getrefcount = sys.getrefcount
_seen: list[int] = []


class _Probe:
    """Receives a value on the ways that watched objects do."""

    __slots__ = ("one", "other")

    def __setattr__(self, name: str, value: Any) -> None:
        _seen.append(getrefcount(value))

    def __setitem__(self, key: Any, value: Any) -> None:
        _seen.append(getrefcount(value))

    def method(self, value: Any) -> None:
        _seen.append(getrefcount(value))

    def append(self, value: Any) -> None:
        _seen.append(getrefcount(value))

    def method_of_two(self, key: Any, value: Any = None) -> None:
        _seen.append(getrefcount(value))


def count_stored(holder: Any, key: Any) -> int:
    """Return the references to what ``holder`` has under ``key``, as :data:`STORED` counts."""
    return getrefcount(holder[key])


def _limit(fresh: int, held: int) -> int:
    return fresh if held > fresh else -1


def _assign() -> tuple[int, int]:
    """Return the limits for ``o.a = []`` and ``d[k] = []``."""
    probe: Any = _Probe()
    for _ in range(3):
        _seen.clear()
        probe.a = []
        probe[1] = []
        value: list[Any] = []
        probe.a = value
        other: list[Any] = []
        probe[1] = other
    return _limit(_seen[0], _seen[2]), _limit(_seen[1], _seen[3])


if accelerator is not None:  # which calls the function of Python for us: one holder more
    _slots: Any = _Probe
    _Probe.append = accelerator.ContainerMethod(  # type: ignore[method-assign]
        "append", _Probe.append, list.append, _Probe, _slots.one, _slots.other
    )


def _call() -> tuple[int, int, int]:
    """Return the limits for ``l.appendleft([])``, ``l.append([])`` and ``d.setdefault(k, [])``."""
    probe = _Probe()
    _seen.clear()
    probe.method([])
    probe.append([])
    probe.method_of_two(1, [])
    value: list[Any] = []
    probe.method(value)
    appended: list[Any] = []
    probe.append(appended)
    other: list[Any] = []
    probe.method_of_two(1, other)
    return _limit(_seen[0], _seen[3]), _limit(_seen[1], _seen[4]), _limit(_seen[2], _seen[5])


def _made(factory: Any) -> int:
    value = factory()
    return getrefcount(value)


def _stored() -> int:
    value: list[Any] = []
    holder: dict[str, Any] = {"a": [], "b": value}
    return _limit(count_stored(holder, "a"), count_stored(holder, "b"))


ASSIGNED, STORED_ITEM = _assign()
"""Most references to a value that came by assignment to an attribute, to an item."""
ARGUMENT, APPENDED, SECOND_ARGUMENT = _call()
MADE = _made(list)
"""References to what a function has just made and nobody else got."""
STORED = _stored()
