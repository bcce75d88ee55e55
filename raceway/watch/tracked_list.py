"""Lists that record what is done with them; the order of statements is as in tracked_dict."""

from __future__ import annotations

import sys

from raceway.model.ops import GROW, LENGTH, SCAN, TEXT_LIMIT, UPDATE, VALUE, WRITE
from raceway.record.recorder import BUFFER, CHUNK_ITEMS, flush, local, note_stack
from raceway.watch.adoption import TRACKED, adopt, item_label
from raceway.watch.sharing import APPENDED, SECOND_ARGUMENT, STORED_ITEM, getrefcount
from raceway.watch.sites import no_item, record, record_two, unknown
from raceway.watch.views import TrackedIterator

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

_getframe = sys._getframe
_getitem = list.__getitem__
_setitem = list.__setitem__
_append = list.append
_length = list.__len__


def _plain(other: Any) -> Any:
    """Return the operand of a method in the form that the C code reads directly."""
    if isinstance(other, RecordingList):
        record(other._raceway_structure, SCAN)
        return list.copy(other)
    return other


def _item(items: Any, index: Any) -> Any:
    """Return an item, or something that nobody else has."""
    try:
        return _getitem(items, index)
    except IndexError:
        return object()


class RecordingList(list):  # type: ignore[type-arg] # elements of any kind
    """The recording methods; what has them also has the two attributes."""

    __slots__ = ()
    _raceway_items: Any
    _raceway_structure: int

    def __getitem__(self, index: Any) -> Any:
        try:
            state = local.s
            frame = _getframe(1)
        except (AttributeError, ValueError):
            state, frame = unknown()
        if type(index) is int:
            key = index if index >= 0 else index + _length(self)
            items = self._raceway_items
            subject = items[key] if key in items else self._raceway_subject(key)
        else:
            subject = self._raceway_subject(index)
        back = frame.f_back
        if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
            note_stack(state, back)
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
        buffer = BUFFER
        buffer += (state.tok, subject, frame.f_code, frame.f_lasti)
        return _getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        try:
            state = local.s
            frame = _getframe(1)
        except (AttributeError, ValueError):
            state, frame = unknown()
        items = self._raceway_items
        if type(index) is int:
            key = index if index >= 0 else index + _length(self)
            subject = items[key] if key in items else self._raceway_subject(key, LENGTH)
        else:
            key = None
            subject = self._raceway_subject(index, WRITE)
        if subject & 31:  # not one item: a slice, or an index out of range
            record(subject, 0)
            _setitem(self, index, value)
            return
        kind: Any = type(value)
        shown = None
        if kind is int or value is None or kind is float or kind is bool:
            kind = None
            shown = value
        elif kind is str:
            kind = None
            shown = value if len(value) <= TEXT_LIMIT else value[:TEXT_LIMIT]
        elif _item(self, index) is value:  # changed in place
            shown = True
        elif type(kind) is type and kind in TRACKED:
            value = adopt(value, subject, getrefcount(value) <= STORED_ITEM, item_label(items, key))
        back = frame.f_back
        if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
            note_stack(state, back)
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
        token = state.tok
        buffer = BUFFER
        # fmt: off
        buffer += (token, subject | WRITE, frame.f_code, frame.f_lasti,
                   token, subject | VALUE, kind, shown)
        # fmt: on
        _setitem(self, index, value)

    def append(self, value: Any, /) -> None:
        """Append; two of these commute."""
        try:
            state = local.s
            frame = _getframe(1)
        except (AttributeError, ValueError):
            state, frame = unknown()
        kind = type(value)
        if type(kind) is type and kind in TRACKED:
            fresh = getrefcount(value) <= APPENDED
            items = self._raceway_items
            index = _length(self)
            value = adopt(value, items[index], fresh, item_label(items, index))
        back = frame.f_back
        if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
            note_stack(state, back)
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
        buffer = BUFFER
        buffer += (state.tok, self._raceway_structure | GROW, frame.f_code, frame.f_lasti)
        _append(self, value)

    def _raceway_subject(self, index: Any, slice_op: int = SCAN) -> int:
        """Return what an access by ``index`` is about, with the op where it is no item.

        An index out of range tells the length of the list, nothing about an item.
        """
        if isinstance(index, slice):
            return self._raceway_structure | slice_op
        try:
            key = int(index.__index__())
        except BaseException:  # the list itself says what is wrong with the index
            return no_item() or self._raceway_structure | LENGTH
        size = _length(self)
        if type(index) is not int and key < 0:
            key += size
        subject: int = self._raceway_items[key] if 0 <= key < size else 0
        return subject or self._raceway_structure | LENGTH

    def __delitem__(self, index: Any) -> None:
        taken = self._raceway_subject(index)  # every later item moves, and this one is gone
        record_two(self._raceway_structure | WRITE, not taken & 31 and taken | UPDATE)
        list.__delitem__(self, index)

    def insert(self, *args: Any) -> None:
        """Insert; every later item moves."""
        record(self._raceway_structure, WRITE)
        if len(args) == 2:
            index, value = args
            del args
            kind = type(value)
            # The tuple of the arguments is gone: what is left is as with a named argument.
            if type(kind) is type and kind in TRACKED:
                fresh = getrefcount(value) <= SECOND_ARGUMENT
                place = self._raceway_subject(index)
                value = adopt(value, place & ~31, fresh, item_label(self._raceway_items, index))
            list.insert(self, index, value)
        else:
            list.insert(self, *args)

    def extend(self, values: Any, /) -> None:
        """Extend; what ``values`` is made of is read first, as far as it is recorded."""
        values = _plain(values)
        record(self._raceway_structure, GROW)
        list.extend(self, values)

    def __iadd__(self, values: Any) -> Any:
        values = _plain(values)
        record(self._raceway_structure, GROW)
        list.__iadd__(self, values)
        return self

    def __imul__(self, count: Any) -> Any:  # type: ignore[misc] # __mul__ is set below
        record(self._raceway_structure, WRITE)
        list.__imul__(self, count)
        return self

    def pop(self, *args: Any) -> Any:
        """Take one item."""
        index = args[0] if args else -1
        taken = self._raceway_subject(index)
        # Without an index only what somebody has looked at: a stack would get a variable each.
        known = bool(args) or _length(self) - 1 in self._raceway_items
        is_item = known and not taken & 31
        record_two(self._raceway_structure | UPDATE, is_item and taken | UPDATE)
        return list.pop(self, *args)

    def remove(self, *args: Any) -> None:
        """Remove the first equal item."""
        record(self._raceway_structure, WRITE)
        list.remove(self, *args)

    def sort(self, **kwargs: Any) -> None:
        """Sort in place."""
        record(self._raceway_structure, WRITE)
        list.sort(self, **kwargs)

    def reverse(self) -> None:
        """Reverse in place."""
        record(self._raceway_structure, WRITE)
        list.reverse(self)

    def clear(self) -> None:
        """Remove everything."""
        record(self._raceway_structure, WRITE)
        list.clear(self)

    def __len__(self) -> int:
        record(self._raceway_structure, LENGTH)
        return _length(self)

    def __iter__(self) -> Any:
        return TrackedIterator(list.__iter__(self), self._raceway_structure, SCAN)

    def __reversed__(self) -> Any:
        return TrackedIterator(list.__reversed__(self), self._raceway_structure, SCAN)

    def copy(self) -> Any:
        """Return a plain copy."""
        record(self._raceway_structure, SCAN)
        return list.copy(self)

    __copy__ = copy
    __hash__ = None

    def __add__(self, other: Any) -> Any:
        other = _plain(other)
        record(self._raceway_structure, SCAN)
        return list.__add__(self, other)

    def __radd__(self, other: Any) -> Any:
        if not isinstance(other, list):
            return NotImplemented
        record(self._raceway_structure, SCAN)
        return list.__add__(other, self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        record(self._raceway_structure, SCAN)
        return list, (), None, list.__iter__(self)


def _scanning(name: str) -> Any:
    """Return a method that reads the whole list."""
    method = getattr(list, name)

    def scanned(self: Any, *args: Any) -> Any:
        record(self._raceway_structure, SCAN)
        return method(self, *args)

    scanned.__name__ = name
    scanned.__doc__ = method.__doc__
    return scanned


for _name in ("__contains__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__",
              "__mul__", "__rmul__", "__repr__", "index", "count"):  # fmt: skip
    setattr(RecordingList, _name, _scanning(_name))
