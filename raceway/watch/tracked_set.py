"""Sets that record what is done with them; the order of statements is as in tracked_dict."""

from __future__ import annotations

import sys

from raceway.model.ops import GROW, LENGTH, READ, SCAN, UPDATE, WRITE
from raceway.record.recorder import BUFFER, CHUNK_ITEMS, flush, local, note_stack
from raceway.watch.sites import no_item, record, record_two, unknown
from raceway.watch.views import TrackedIterator

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

_getframe = sys._getframe
_contains = set.__contains__
_add = set.add


def _copy(source: Any) -> set[Any]:
    """Return a plain copy; the C code of ``set.update`` reads any set directly."""
    result: set[Any] = set()
    result.update(source)
    return result


def _plain(other: Any) -> Any:
    """Record that a tracked operand is read; the C code reads it without telling."""
    if isinstance(other, RecordingSet):
        record(other._raceway_structure, SCAN)
    return other


class RecordingSet(set):  # type: ignore[type-arg] # members of any kind
    """The recording methods; what has them also has the two attributes."""

    __slots__ = ()
    _raceway_items: Any
    _raceway_structure: int

    def __contains__(self, member: object) -> bool:
        try:
            state = local.s
            frame = _getframe(1)
        except (AttributeError, ValueError):
            state, frame = unknown()
        try:
            item = self._raceway_items[member]
        except BaseException:  # not hashable: the call below says so
            item = no_item()
        if not item:
            return _contains(self, member)
        back = frame.f_back
        if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
            note_stack(state, back)
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
        buffer = BUFFER
        buffer += (state.tok, item, frame.f_code, frame.f_lasti)
        return _contains(self, member)

    def add(self, member: Any, /) -> None:
        """Add; adds of one member commute, whoever comes first."""
        try:
            state = local.s
            frame = _getframe(1)
        except (AttributeError, ValueError):
            state, frame = unknown()
        try:
            item = self._raceway_items[member]
        except BaseException:  # not hashable: the call below says so
            item = no_item()
        if not item:
            _add(self, member)
            return
        back = frame.f_back
        if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
            note_stack(state, back)
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
        token = state.tok
        code = frame.f_code
        offset = frame.f_lasti
        structure = self._raceway_structure
        buffer = BUFFER
        if _contains(self, member):
            buffer += (token, item | GROW, code, offset)
        else:
            buffer += (token, structure | GROW, code, offset, token, item | GROW, code, offset)
        _add(self, member)

    def _raceway_remove(self, member: Any) -> None:
        try:
            item = self._raceway_items[member]
            present = _contains(self, member)
        except BaseException:  # not hashable: the operation itself says so
            no_item()
            return
        if not item:
            return
        if present:
            record_two(self._raceway_structure | UPDATE, item | WRITE)
        else:
            record(item, READ)

    def discard(self, member: Any, /) -> None:
        """Remove a member if it is there."""
        self._raceway_remove(member)
        set.discard(self, member)

    def remove(self, member: Any, /) -> None:
        """Remove a member that is there."""
        self._raceway_remove(member)
        set.remove(self, member)

    def pop(self) -> Any:
        """Take any member."""
        record(self._raceway_structure, UPDATE)
        return set.pop(self)

    def clear(self) -> None:
        """Remove everything."""
        record(self._raceway_structure, WRITE)
        set.clear(self)

    def update(self, *others: Any) -> None:
        """Add the members of all others."""
        others = tuple(_plain(other) for other in others)
        record(self._raceway_structure, GROW)
        set.update(self, *others)

    def __len__(self) -> int:
        record(self._raceway_structure, LENGTH)
        return set.__len__(self)

    def __iter__(self) -> Any:
        return TrackedIterator(set.__iter__(self), self._raceway_structure, SCAN)

    def copy(self) -> Any:
        """Return a plain copy."""
        record(self._raceway_structure, SCAN)
        return _copy(self)

    __copy__ = copy
    __hash__ = None

    def __repr__(self) -> str:
        record(self._raceway_structure, SCAN)
        text = repr(_copy(self))
        name = type(self).__name__
        if name == "set":
            return text
        return f"{name}({'' if text == 'set()' else text})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.copy().__reduce_ex__(protocol)


def _scanning(name: str) -> Any:
    """Return a method that reads the whole set; C makes plain sets of the results."""
    method = getattr(set, name)

    def scanned(self: Any, *others: Any) -> Any:
        others = tuple(_plain(other) for other in others)
        record(self._raceway_structure, SCAN)
        return method(self, *others)

    scanned.__name__ = name
    scanned.__doc__ = method.__doc__
    return scanned


def _changing(name: str, op: int) -> Any:
    """Return a method that changes the set in place."""
    method = getattr(set, name)

    def changed(self: Any, *others: Any) -> Any:
        others = tuple(_plain(other) for other in others)
        record(self._raceway_structure, op)
        return method(self, *others)

    changed.__name__ = name
    changed.__doc__ = method.__doc__
    return changed


for _name in ("__and__", "__or__", "__xor__", "__sub__", "__rand__", "__ror__", "__rxor__",
              "__rsub__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__",
              "union", "intersection", "difference", "symmetric_difference",
              "isdisjoint", "issubset", "issuperset"):  # fmt: skip
    setattr(RecordingSet, _name, _scanning(_name))
for _name, _op in (("__ior__", GROW), ("__iand__", WRITE), ("__isub__", WRITE),
                   ("__ixor__", WRITE), ("intersection_update", WRITE),
                   ("difference_update", WRITE),
                   ("symmetric_difference_update", WRITE)):  # fmt: skip
    setattr(RecordingSet, _name, _changing(_name, _op))
