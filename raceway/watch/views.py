"""Iterators and dict views that record what is walked over."""

from __future__ import annotations

from _collections_abc import ItemsView, KeysView, ValuesView

from raceway.model.ops import ITERATE, LENGTH, READ, SCAN, STEP
from raceway.record.recorder import current, local
from raceway.watch.sites import no_item, record

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class TrackedIterator:
    """Walks a container and says so: at the start, and again after each synchronisation.

    One record for each step would say no more: between two synchronisation ops of an actor all
    its accesses to one structure are as good as one.

    A class and not a generator: threads that share an iterator take turns at ``next``, and a
    generator would raise "generator already executing".
    """

    __slots__ = ("_step", "_structure", "_token")

    def __init__(self, inner: Iterator[Any], structure: int, op: int) -> None:
        """Begin to walk.

        Args:
            inner: The iterator of the builtin class.
            structure: Subject of the container.
            op: ITERATE or SCAN.
        """
        self._step = inner.__next__
        self._structure = structure
        record(structure, op)
        self._token = current().tok

    def __iter__(self) -> TrackedIterator:
        return self

    def __next__(self) -> Any:
        try:
            token = local.s.tok
        except AttributeError:
            token = current().tok
        if token != self._token:
            self._token = token
            record(self._structure, STEP)
        return self._step()

    def __length_hint__(self) -> int:
        from operator import length_hint

        return length_hint(self._step.__self__)  # type: ignore[attr-defined] # a bound C method

    def __reduce__(self) -> Any:
        return self._step.__self__.__reduce__()  # type: ignore[attr-defined] # as above

    def __setstate__(self, position: Any) -> None:
        self._step.__self__.__setstate__(position)  # type: ignore[attr-defined] # as above


class _View:
    """A dict view: the builtin view, and the dict whose accesses it records."""

    __slots__ = ("_owner", "_view")
    _op = SCAN

    def __init__(self, owner: Any, view: Any) -> None:
        self._owner = owner
        self._view = view

    def _walk(self) -> Any:
        record(self._owner._raceway_structure, self._op)
        return self._view

    def __iter__(self) -> Any:
        return TrackedIterator(iter(self._view), self._owner._raceway_structure, self._op)

    def __reversed__(self) -> Any:
        return TrackedIterator(reversed(self._view), self._owner._raceway_structure, self._op)

    def __len__(self) -> int:
        record(self._owner._raceway_structure, LENGTH)
        return len(self._view)

    def __contains__(self, member: object) -> bool:
        return member in self._walk()

    def __repr__(self) -> str:
        record(self._owner._raceway_structure, SCAN)
        return repr(self._view)

    @property
    def mapping(self) -> Any:
        """The dict, read-only."""
        return self._view.mapping


def _builtin(other: Any) -> Any:
    """Return the builtin view inside ``other``: the C code knows no others."""
    return other._walk() if isinstance(other, _View) else other


class _SetView(_View):
    """A view with the operators of a set."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment] # as the builtin views

    def __eq__(self, other: object) -> Any:
        return self._walk() == _builtin(other)

    def __ne__(self, other: object) -> Any:
        return self._walk() != _builtin(other)

    def __lt__(self, other: Any) -> Any:
        return self._walk() < _builtin(other)

    def __le__(self, other: Any) -> Any:
        return self._walk() <= _builtin(other)

    def __gt__(self, other: Any) -> Any:
        return self._walk() > _builtin(other)

    def __ge__(self, other: Any) -> Any:
        return self._walk() >= _builtin(other)

    def __and__(self, other: Any) -> Any:
        return self._walk() & _builtin(other)

    def __or__(self, other: Any) -> Any:
        return self._walk() | _builtin(other)

    def __xor__(self, other: Any) -> Any:
        return self._walk() ^ _builtin(other)

    def __sub__(self, other: Any) -> Any:
        return self._walk() - _builtin(other)

    def __rand__(self, other: Any) -> Any:
        return _builtin(other) & self._walk()

    def __ror__(self, other: Any) -> Any:
        return _builtin(other) | self._walk()

    def __rxor__(self, other: Any) -> Any:
        return _builtin(other) ^ self._walk()

    def __rsub__(self, other: Any) -> Any:
        return _builtin(other) - self._walk()

    def isdisjoint(self, other: Any) -> Any:
        """Return whether the view and ``other`` have nothing in common."""
        return self._walk().isdisjoint(_builtin(other))


class TrackedKeys(_SetView):
    """``d.keys()``."""

    __slots__ = ()
    _op = ITERATE

    def __contains__(self, key: object) -> bool:
        try:
            subject = self._owner._raceway_items[key]
        except BaseException:  # the next line raises what the program would have seen
            subject = no_item()
        record(subject, READ)
        return key in self._view


class TrackedItems(_SetView):
    """``d.items()``."""

    __slots__ = ()


class TrackedValues(_View):
    """``d.values()``."""

    __slots__ = ()


KeysView.register(TrackedKeys)
ItemsView.register(TrackedItems)
ValuesView.register(TrackedValues)
