"""Deques that record what is done with them; the order of statements is as in tracked_dict."""

from __future__ import annotations

import sys
from collections import deque
from reprlib import recursive_repr

from raceway.model.ops import GROW, LENGTH, READ, SCAN, UPDATE, WRITE
from raceway.record.recorder import BUFFER, CHUNK_ITEMS, flush, local, note_stack
from raceway.watch.adoption import TRACKED, adopt, item_label
from raceway.watch.sharing import APPENDED, ARGUMENT, STORED_ITEM, getrefcount
from raceway.watch.sites import no_item, record, record_two, unknown, value_record, where
from raceway.watch.views import TrackedIterator

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

_getframe = sys._getframe
_length = deque.__len__


def copy_of(source: Any) -> Any:
    """Return a plain copy; the C code would call ``__iter__`` of the class."""
    return deque(deque.__iter__(source), source.maxlen)


@recursive_repr("[...]")
def _text(source: Any) -> str:
    return type(source).__name__ + repr(copy_of(source)).removeprefix("deque")


def _plain(other: Any) -> Any:
    """Return the operand of a method in the form that the C code reads directly."""
    if isinstance(other, RecordingDeque):
        record(other._raceway_structure, SCAN)
        return copy_of(other)
    return other


class RecordingDeque(deque):  # type: ignore[type-arg] # elements of any kind
    """The recording methods; what has them also has the two attributes."""

    __slots__ = ()
    _raceway_items: Any
    _raceway_structure: int

    def append(self, value: Any, /) -> None:
        """Append; two of these commute."""
        try:
            state = local.s
            frame = _getframe(1)
        except (AttributeError, ValueError):
            state, frame = unknown()
        kind = type(value)
        if type(kind) is type and kind in TRACKED:
            value = self._raceway_adopt(value, _length(self), getrefcount(value) <= APPENDED)
        back = frame.f_back
        if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
            note_stack(state, back)
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
        buffer = BUFFER
        buffer += (state.tok, self._raceway_structure | GROW, frame.f_code, frame.f_lasti)
        deque.append(self, value)

    def appendleft(self, value: Any, /) -> None:
        """Append at the left end."""
        kind = type(value)
        if type(kind) is type and kind in TRACKED:
            value = self._raceway_adopt(value, 0, getrefcount(value) <= ARGUMENT)
        state, code, offset = where()
        buffer = BUFFER
        buffer += (state.tok, self._raceway_structure | GROW, code, offset)
        deque.appendleft(self, value)

    def pop(self) -> Any:  # type: ignore[override] # typeshed has the signature of list.pop
        """Take the rightmost item."""
        last = _length(self) - 1
        items = self._raceway_items
        # Only what somebody has looked at: a stack would get a variable for each item.
        item = items.get(last, 0)
        record_two(self._raceway_structure | UPDATE, item and item | UPDATE)
        return deque.pop(self)

    def popleft(self) -> Any:
        """Take the leftmost item."""
        try:
            state = local.s
            frame = _getframe(1)
        except (AttributeError, ValueError):
            state, frame = unknown()
        back = frame.f_back
        if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
            note_stack(state, back)
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
        code = frame.f_code
        offset = frame.f_lasti
        token = state.tok
        structure = self._raceway_structure
        first = self._raceway_items[0] | UPDATE
        buffer = BUFFER
        if _length(self):
            buffer += (token, structure | UPDATE, code, offset, token, first, code, offset)
        else:
            buffer += (token, structure | UPDATE, code, offset)
        return deque.popleft(self)

    def _raceway_adopt(self, value: Any, index: int, fresh: bool) -> Any:
        items = self._raceway_items
        return adopt(value, items[index], fresh, item_label(items, index))

    def _raceway_subject(self, index: Any) -> int:
        """Return the subject of an item, or the length where there is no such item."""
        try:
            key = int(index.__index__())
        except BaseException:  # the deque itself says what is wrong with the index
            return no_item() or self._raceway_structure | LENGTH
        size = _length(self)
        key += size if key < 0 else 0
        subject: int = self._raceway_items[key] if 0 <= key < size else 0
        return subject or self._raceway_structure | LENGTH

    def __getitem__(self, index: Any) -> Any:
        index = self._raceway_index(index)
        record(self._raceway_subject(index), READ)
        return deque.__getitem__(self, index)

    def __delitem__(self, index: Any) -> None:
        index = self._raceway_index(index)
        taken = self._raceway_subject(index)  # every later item moves, and this one is gone
        record_two(self._raceway_structure | WRITE, not taken & 31 and taken | UPDATE)
        deque.__delitem__(self, index)

    def _raceway_index(self, index: Any) -> Any:
        """Count from the left: the C code would ask ``__len__`` of the class otherwise."""
        if type(index) is int and -_length(self) <= index < 0:
            return index + _length(self)
        return index

    def __setitem__(self, index: Any, value: Any) -> None:
        index = self._raceway_index(index)
        subject = self._raceway_subject(index)
        if subject & 31:
            record(subject, 0)
        else:
            kind = type(value)
            if type(kind) is type and kind in TRACKED:
                fresh = getrefcount(value) <= STORED_ITEM
                value = adopt(value, subject, fresh, item_label(self._raceway_items, index))
            state, code, offset = where()
            shown = value_record(state.tok, subject, value)
            buffer = BUFFER
            buffer += (state.tok, subject | WRITE, code, offset, *shown)
        deque.__setitem__(self, index, value)

    def __iadd__(self, values: Any) -> Any:  # type: ignore[misc] # as the original
        values = _plain(values)
        record(self._raceway_structure, GROW)
        deque.__iadd__(self, values)
        return self

    def __imul__(self, count: Any) -> Any:  # type: ignore[misc] # __mul__ is set below
        record(self._raceway_structure, WRITE)
        deque.__imul__(self, count)
        return self

    def __len__(self) -> int:
        record(self._raceway_structure, LENGTH)
        return _length(self)

    def __iter__(self) -> Any:
        return TrackedIterator(deque.__iter__(self), self._raceway_structure, SCAN)

    def __reversed__(self) -> Any:
        return TrackedIterator(deque.__reversed__(self), self._raceway_structure, SCAN)

    def copy(self) -> Any:
        """Return a plain copy."""
        record(self._raceway_structure, SCAN)
        return copy_of(self)

    __copy__ = copy
    __hash__ = None

    def __repr__(self) -> str:
        record(self._raceway_structure, SCAN)
        return _text(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        record(self._raceway_structure, SCAN)
        size = self.maxlen
        args: tuple[Any, ...] = () if size is None else ((), size)
        return deque, args, None, deque.__iter__(self)


def _recording(name: str, op: int) -> Any:
    """Return a method that records ``op`` on the structure first."""
    method = getattr(deque, name)

    def recorded(self: Any, *args: Any) -> Any:
        args = tuple(_plain(arg) for arg in args)
        record(self._raceway_structure, op)
        return method(self, *args)

    recorded.__name__ = name
    recorded.__doc__ = method.__doc__
    return recorded


def _on_copy(name: str) -> Any:
    """Return a method that reads everything; the C code would go through our methods."""
    method = getattr(deque, name)

    def scanned(self: Any, *args: Any) -> Any:
        args = tuple(_plain(arg) for arg in args)
        record(self._raceway_structure, SCAN)
        return method(copy_of(self), *args)

    scanned.__name__ = name
    scanned.__doc__ = method.__doc__
    return scanned


_STRUCTURAL = {
    "extend": GROW,
    "extendleft": GROW,
    "rotate": WRITE,
    "clear": WRITE,
    "remove": WRITE,
    "insert": WRITE,
    "reverse": WRITE,
    "__contains__": SCAN,
    "index": SCAN,
    "count": SCAN,
}
for _name, _op in _STRUCTURAL.items():
    setattr(RecordingDeque, _name, _recording(_name, _op))
for _name in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__add__", "__mul__",
              "__rmul__"):  # fmt: skip
    setattr(RecordingDeque, _name, _on_copy(_name))
