"""Describes all that objects know, to compare two ways to the same."""

from collections import deque


class Names:
    """Describes objects by what is in their slots; one that was described before by its number."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._kept: list[object] = []

    def of(self, thing: object) -> object:
        if isinstance(thing, dict):
            return [(self.of(key), self.of(value)) for key, value in thing.items()]
        if isinstance(thing, deque | list | tuple):
            return [self.of(one) for one in thing]
        if isinstance(thing, set | frozenset):
            return sorted(map(repr, map(self.of, thing)))
        slots = [name for base in type(thing).__mro__ for name in getattr(base, "__slots__", ())]
        if not slots or type(thing).__module__ == "raceway.model._clocks":
            return dict(thing.items()) if hasattr(thing, "items") else repr(thing)  # type: ignore[attr-defined]
        number = self._numbers.setdefault(id(thing), len(self._numbers))
        if number < len(self._kept):
            return (type(thing).__name__, number)
        self._kept.append(thing)
        return (
            type(thing).__name__,
            [(name, self.of(getattr(thing, name))) for name in sorted(slots) if name[0] != "_"],
        )
