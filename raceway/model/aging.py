"""A table that forgets what has not been used for a long time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


def _drop(_key: object, _value: object) -> None:
    """Forget without telling anybody."""


class Aging(Generic[KeyT, ValueT]):
    """A mapping of at most ``2 * limit`` entries, of which the least recently used go first.

    There are two generations.  What is used moves into the young one; when that is full, it becomes
    the old one, and the old one is forgotten.  That is nearly the order of last use, and costs one
    lookup, where a true order would have to be changed by each use.

    Args:
        limit: Entries of a generation.
        forget: Called with each entry that is forgotten.

    Example:
        >>> table = Aging(1)
        >>> table["a"], table["b"], table["c"] = 1, 2, 3
        >>> table.get("a"), table.get("b"), table.get("c")
        (None, 2, 3)
    """

    __slots__ = ("_forget", "forgotten", "limit", "old", "young")

    def __init__(self, limit: int, forget: Callable[[KeyT, ValueT], None] = _drop) -> None:
        self.limit = limit
        self.young: dict[KeyT, ValueT] = {}
        self.old: dict[KeyT, ValueT] = {}
        self.forgotten = 0
        self._forget = forget

    def get(self, key: KeyT) -> ValueT | None:
        """Return a value, which is thereby used, or None."""
        found = self.young.get(key)
        if found is None and self.old:
            found = self.old.pop(key, None)
            if found is not None:
                self[key] = found
        return found

    def peek(self, key: KeyT) -> ValueT | None:
        """Return a value without using it, or None."""
        found = self.young.get(key)
        return self.old.get(key) if found is None else found

    def __setitem__(self, key: KeyT, value: ValueT) -> None:
        if len(self.young) >= self.limit and key not in self.young:
            self.age()
        if self.old:
            self.old.pop(key, None)
        self.young[key] = value

    def setdefault(self, key: KeyT, value: ValueT) -> ValueT:
        """Return a value, which is ``value`` if there was none."""
        found = self.get(key)
        if found is None:
            self[key] = found = value
        return found

    def __contains__(self, key: KeyT) -> bool:
        return key in self.young or key in self.old

    def age(self) -> None:
        """Forget the old generation, and let the young one be it."""
        over, self.old, self.young = self.old, self.young, {}
        self.forgotten += len(over)
        for key, value in over.items():
            self._forget(key, value)

    def pop(self, key: KeyT) -> ValueT | None:
        """Remove and return a value, or None."""
        found = self.young.pop(key, None)
        return self.old.pop(key, None) if found is None else found

    def values(self) -> Iterator[ValueT]:
        """Yield all values, the longest unused ones first."""
        yield from self.old.values()
        yield from self.young.values()

    def __len__(self) -> int:
        return len(self.young) + len(self.old)
