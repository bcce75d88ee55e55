"""Dicts that record what is done with them.

The order of statements in these methods is what makes the recorded order true: everything is
looked up first, then ``buffer += (...)``, which is no call, then the method of the builtin class.
Between the two no other thread can run.
"""

from __future__ import annotations

import sys
from reprlib import recursive_repr

from raceway.model.ops import GROW, ITERATE, LENGTH, READ, SCAN, TEXT_LIMIT, UPDATE, VALUE, WRITE
from raceway.record.recorder import BUFFER, CHUNK_ITEMS, emit, flush, local, note_stack
from raceway.watch.adoption import TRACKED, adopt, item_label
from raceway.watch.sharing import MADE, SECOND_ARGUMENT, STORED_ITEM, getrefcount
from raceway.watch.sites import no_item, record, record_two, unknown, value_record, where
from raceway.watch.views import TrackedItems, TrackedIterator, TrackedKeys, TrackedValues

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MISSING: Any = object()
_HEAP_TYPE = 1 << 9
_CFunction = type(len)


def dict_mixin(base: Any) -> Any:
    """Return the class with the recording methods for ``base``, a dict or a builtin subclass."""
    getframe = sys._getframe
    contains: Callable[[Any, Any], bool] = base.__contains__
    getitem: Callable[[Any, Any], Any] = base.__getitem__
    setitem: Callable[[Any, Any, Any], None] = base.__setitem__
    delitem = base.__delitem__
    get = getter = base.get  # the methods below have these names, too
    items_of = base.items

    def copy_of(self: Any) -> Any:
        """Return a plain copy; ``base.copy`` would call the methods below."""
        if base is dict:
            return dict(items_of(self))
        result = base(self.default_factory) if base.__name__ == "defaultdict" else base()
        for key, value in items_of(self):
            setitem(result, key, value)
        return result

    def other_plain(other: Any) -> Any:
        """Return the operand of an operator in the form that the C code reads directly."""
        return other._raceway_scan() if isinstance(other, Recording) else other

    class Recording(base):  # type: ignore[misc] # the base class is a parameter
        __slots__ = ()
        _raceway_items: Any
        _raceway_structure: int

        def __getitem__(self, key: Any) -> Any:
            try:
                state = local.s
                frame = getframe(1)
            except (AttributeError, ValueError):
                state, frame = unknown()
            try:
                item = self._raceway_items[key]
            except BaseException:  # not hashable: the call below says so
                item = no_item()
            if not item:
                return getitem(self, key)
            back = frame.f_back
            if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
                note_stack(state, back)
            if len(BUFFER) > CHUNK_ITEMS:
                flush()
            buffer = BUFFER
            buffer += (state.tok, item, frame.f_code, frame.f_lasti)
            return getitem(self, key)

        def __setitem__(self, key: Any, value: Any) -> None:
            try:
                state = local.s
                frame = getframe(1)
            except (AttributeError, ValueError):
                state, frame = unknown()
            try:
                item = self._raceway_items[key]
            except BaseException:  # not hashable: the call below says so
                item = no_item()
            if not item:
                setitem(self, key, value)
                return
            kind: Any = type(value)
            shown = None
            if kind is int or value is None or kind is float or kind is bool:
                kind = None
                shown = value
            elif kind is str:
                kind = None
                shown = value if len(value) <= TEXT_LIMIT else value[:TEXT_LIMIT]
            elif getter(self, key) is value:  # changed in place
                shown = True
            elif type(kind) is type and kind in TRACKED:
                fresh = getrefcount(value) <= STORED_ITEM
                value = adopt(value, item, fresh, item_label(self._raceway_items, key))
            back = frame.f_back
            if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
                note_stack(state, back)
            if len(BUFFER) > CHUNK_ITEMS:
                flush()
            code = frame.f_code
            offset = frame.f_lasti
            structure = self._raceway_structure
            token = state.tok
            buffer = BUFFER
            # fmt: off
            if contains(self, key):
                buffer += (token, item | WRITE, code, offset, token, item | VALUE, kind, shown)
            else:
                buffer += (token, structure | GROW, code, offset,
                           token, item | GROW, code, offset, token, item | VALUE, kind, shown)
            # fmt: on
            setitem(self, key, value)

        def get(self, key: Any, default: Any = None, /) -> Any:
            try:
                state = local.s
                frame = getframe(1)
            except (AttributeError, ValueError):
                state, frame = unknown()
            try:
                item = self._raceway_items[key]
            except BaseException:  # not hashable: the call below says so
                item = no_item()
            if not item:
                return get(self, key, default)
            back = frame.f_back
            if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
                note_stack(state, back)
            if len(BUFFER) > CHUNK_ITEMS:
                flush()
            buffer = BUFFER
            buffer += (state.tok, item, frame.f_code, frame.f_lasti)
            return get(self, key, default)

        def __contains__(self, key: Any) -> bool:
            try:
                state = local.s
                frame = getframe(1)
            except (AttributeError, ValueError):
                state, frame = unknown()
            try:
                item = self._raceway_items[key]
            except BaseException:  # not hashable: the call below says so
                item = no_item()
            if not item:
                return contains(self, key)
            back = frame.f_back
            if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
                note_stack(state, back)
            if len(BUFFER) > CHUNK_ITEMS:
                flush()
            buffer = BUFFER
            buffer += (state.tok, item, frame.f_code, frame.f_lasti)
            return contains(self, key)

        def _raceway_item(self, key: Any) -> int:
            try:
                return int(self._raceway_items[key])
            except BaseException:  # not hashable: the operation itself says so
                return no_item()

        def _raceway_plain(self) -> Any:
            return copy_of(self)

        def _raceway_scan(self) -> Any:
            """Record that everything is read, and return a plain copy."""
            record(self._raceway_structure, SCAN)
            return copy_of(self)

        def _raceway_remove(self, key: Any, op: int) -> None:
            """Record that an item goes: ``op`` on it, and its key leaves the structure."""
            item = self._raceway_item(key)
            if not item:
                return
            if contains(self, key):
                record_two(self._raceway_structure | UPDATE, item | op)
            else:
                record(item, READ if op == WRITE else op)

        def __delitem__(self, key: Any) -> None:
            self._raceway_remove(key, WRITE)
            delitem(self, key)

        def pop(self, *args: Any) -> Any:
            if args:
                self._raceway_remove(args[0], UPDATE)
            return base.pop(self, *args)

        def popitem(self, *args: Any, **kwargs: Any) -> Any:
            last = kwargs.get("last", args[0] if args else True)
            try:
                key = next(reversed(items_of(self)) if last else iter(items_of(self)))[0]
            except StopIteration:
                record(self._raceway_structure, UPDATE)
            else:
                item = self._raceway_item(key)
                record_two(self._raceway_structure | UPDATE, item and item | UPDATE)
            return base.popitem(self, *args, **kwargs)

        def setdefault(self, key: Any, default: Any = None) -> Any:
            item = self._raceway_item(key)
            if item:
                if contains(self, key):
                    record(item, READ)
                else:
                    kind = type(default)
                    if type(kind) is type and kind in TRACKED:
                        fresh = getrefcount(default) <= SECOND_ARGUMENT
                        default = adopt(default, item, fresh, item_label(self._raceway_items, key))
                    record_two(item | UPDATE, self._raceway_structure | GROW)
            return base.setdefault(self, key, default)

        def update(self, /, *args: Any, **kwargs: Any) -> None:
            if len(args) > 1:
                base.update(self, *args, **kwargs)  # raises
            for arg in args:
                if hasattr(arg, "keys"):
                    if isinstance(arg, dict):
                        self._raceway_put(arg.items())
                    else:
                        self._raceway_put((key, arg[key]) for key in arg.keys())  # noqa: SIM118 - update() asks for keys
                else:
                    self._raceway_put(_pairs(arg))
            self._raceway_put(kwargs.items())

        def _raceway_put(self, pairs: Any) -> None:
            """Store pairs one by one, as the builtin does, each with its record."""
            for key, value in pairs:
                item = self._raceway_item(key)
                state, code, offset = where()
                token = state.tok
                buffer = BUFFER
                if item:
                    shown = value_record(token, item, value)
                    grow = (token, self._raceway_structure | GROW, code, offset)
                    if contains(self, key):
                        buffer += (token, item | WRITE, code, offset, *shown)
                    else:
                        buffer += (*grow, token, item | GROW, code, offset, *shown)
                setitem(self, key, value)

        def clear(self) -> None:
            record(self._raceway_structure, WRITE)
            base.clear(self)

        def __len__(self) -> int:
            record(self._raceway_structure, LENGTH)
            return int(base.__len__(self))

        def __iter__(self) -> Any:
            return TrackedIterator(base.__iter__(self), self._raceway_structure, ITERATE)

        def __reversed__(self) -> Any:
            return TrackedIterator(base.__reversed__(self), self._raceway_structure, ITERATE)

        def keys(self) -> Any:
            return TrackedKeys(self, base.keys(self))

        def values(self) -> Any:
            return TrackedValues(self, base.values(self))

        def items(self) -> Any:
            return TrackedItems(self, items_of(self))

        def copy(self) -> Any:
            return self._raceway_scan()

        __copy__ = copy

        def __repr__(self) -> str:
            record(self._raceway_structure, SCAN)
            return str(base.__repr__(self)) if base is dict else _text(self)

        def __eq__(self, other: object) -> Any:
            record(self._raceway_structure, SCAN)
            return base.__eq__(self if base is dict else copy_of(self), other)

        def __ne__(self, other: object) -> Any:
            record(self._raceway_structure, SCAN)
            return base.__ne__(self if base is dict else copy_of(self), other)

        __hash__ = None  # type: ignore[assignment] # as every dict

        def __or__(self, other: Any) -> Any:
            return base.__or__(self._raceway_scan(), other_plain(other))

        def __ror__(self, other: Any) -> Any:
            if not isinstance(other, dict):
                return NotImplemented
            return base.__ror__(self._raceway_scan(), other)

        def __ior__(self, other: Any) -> Any:
            self.update(other)
            return self

        def __reduce_ex__(self, protocol: Any) -> Any:
            return self._raceway_scan().__reduce_ex__(protocol)

    if base is dict:
        # pickle and deepcopy have their own ways for an exact dict, which has no use for these.
        setattr(Recording, "__reduce_ex__", _reduce_dict)  # noqa: B010 - the type checker sees a method
    return Recording


def _reduce_dict(self: Any, protocol: Any) -> Any:  # noqa: ARG001 - the same for all protocols
    record(self._raceway_structure, SCAN)
    return dict, (), None, None, iter(dict.items(self))


@recursive_repr("...")
def _text(source: Any) -> str:
    """Return the text of a subclass of dict, whose C code would walk through our methods."""
    plain = source._raceway_plain()
    return type(source).__name__ + repr(plain).removeprefix(type(plain).__name__)


def _pairs(source: Any) -> Any:
    """Yield the pairs that ``dict.update`` takes from an iterable, with its errors."""
    for number, pair in enumerate(source):
        # dict() of one pair raises what dict.update would have raised, but for the number.
        try:
            length = len(parts := tuple(pair))
        except TypeError:
            message = f"cannot convert dictionary update sequence element #{number} to a sequence"
            raise TypeError(message) from None
        if length != 2:
            message = (
                f"dictionary update sequence element #{number} has length {length}; 2 is required"
            )
            raise ValueError(message)
        yield parts


def default_methods(base: Any) -> dict[str, Any]:
    """Return what a tracked ``defaultdict`` does differently."""
    contains = base.__contains__
    setitem = base.__setitem__

    def __getitem__(self: Any, key: Any) -> Any:
        if contains(self, key):
            record(self._raceway_item(key), READ)
            return dict.__getitem__(self, key)
        whole = _makes_in_one_step(self.default_factory)
        if not whole or getattr(self.__missing__, "__func__", None) is not __missing__:
            record(self._raceway_item(key), READ)
        return self.__missing__(key)

    def __missing__(self: Any, key: Any) -> Any:
        factory = self.default_factory
        if factory is None:
            raise KeyError(key)
        value = factory()
        if _makes_in_one_step(factory):
            return put_default(self, key, value)
        item = self._raceway_item(key)
        kind = type(value)
        if type(kind) is type and kind in TRACKED:
            fresh = getrefcount(value) <= MADE
            value = adopt(value, item, fresh, item_label(self._raceway_items, key))
        if item:
            state, code, offset = where()
            token = state.tok
            shown = value_record(token, item, value)
            grow = (token, self._raceway_structure | GROW, code, offset)
            emit((*grow, token, item | GROW, code, offset, *shown))
        setitem(self, key, value)
        return value

    def put_default(self: Any, key: Any, value: Any) -> Any:
        """Store what C code has made: without us nobody could have come in between."""
        item = self._raceway_item(key)
        kind = type(value)
        if type(kind) is type and kind in TRACKED:
            value = adopt(value, item, True, item_label(self._raceway_items, key))
        record_two(item and item | UPDATE, self._raceway_structure | GROW)
        return base.setdefault(self, key, value)

    return {"__getitem__": __getitem__, "__missing__": __missing__}


def _makes_in_one_step(factory: Any) -> bool:
    """Return whether a factory is C code, which does not give the interpreter up."""
    # By isinstance: a recorded lock passes for the function or class of C that it stands for.
    if isinstance(factory, type):
        return not factory.__flags__ & _HEAP_TYPE or factory.__module__ == "_thread"
    return isinstance(factory, _CFunction)


def ordered_methods(base: Any) -> dict[str, Any]:
    """Return what a tracked ``OrderedDict`` has besides."""

    def move_to_end(self: Any, key: Any, last: bool = True) -> None:
        record_two(self._raceway_item(key), self._raceway_structure | UPDATE)
        base.move_to_end(self, key, last)

    def setdefault(self: Any, key: Any, default: Any = None) -> Any:
        item = self._raceway_item(key)
        if base.__contains__(self, key):
            record(item, READ)
            return base.__getitem__(self, key)
        kind = type(default)
        if type(kind) is type and kind in TRACKED:
            fresh = getrefcount(default) <= SECOND_ARGUMENT
            default = adopt(default, item, fresh, item_label(self._raceway_items, key))
        record_two(item | UPDATE, self._raceway_structure | GROW)
        base.__setitem__(self, key, default)
        return default

    def pop(self: Any, key: Any, default: Any = _MISSING) -> Any:
        self._raceway_remove(key, UPDATE)
        if not base.__contains__(self, key):
            if default is _MISSING:
                raise KeyError(key)
            return default
        value = base.__getitem__(self, key)
        base.__delitem__(self, key)
        return value

    def popitem(self: Any, last: bool = True) -> Any:
        try:
            pair = next(iter(reversed(base.items(self)) if last else base.items(self)))
        except StopIteration:
            record(self._raceway_structure, UPDATE)
            raise KeyError("dictionary is empty") from None
        item = self._raceway_item(pair[0])
        record_two(self._raceway_structure | UPDATE, item and item | UPDATE)
        base.__delitem__(self, pair[0])
        return pair

    # The C code of these calls the methods of the class for each item; update() may go on so.
    return {
        "move_to_end": move_to_end, "setdefault": setdefault, "pop": pop, "popitem": popitem,
        "update": base.update, "__ior__": base.__ior__,
    }  # fmt: skip


def counter_methods(base: Any) -> dict[str, Any]:
    """Return what a tracked ``Counter`` does differently: its methods are written in Python."""

    def add(self: Any, args: Any, kwargs: Any, sign: int) -> None:
        if args and args[0] is not None:
            source = args[0]
            counts = source if isinstance(source, dict) else base(source)
            put(self, list(counts.items()), sign)
        put(self, list(kwargs.items()), sign)

    def put(self: Any, pairs: Any, sign: int) -> None:
        for key, count in pairs:
            record(self._raceway_item(key), READ)
            self._raceway_put(((key, dict.get(self, key, 0) + sign * count),))

    def update(self: Any, /, *args: Any, **kwargs: Any) -> None:
        add(self, args, kwargs, 1)

    def subtract(self: Any, /, *args: Any, **kwargs: Any) -> None:
        add(self, args, kwargs, -1)

    methods = {"update": update, "subtract": subtract, "__ior__": base.__ior__}
    for name in ("__le__", "__lt__", "__ge__", "__gt__", "__add__", "__sub__", "__and__", "__pos__",
                 "__neg__", "most_common", "elements", "total"):  # fmt: skip
        methods[name] = _on_copy(getattr(base, name))
    return methods


def _on_copy(method: Any) -> Any:
    """Return a method that scans once and then works on a plain copy."""

    def scanned(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self._raceway_scan(), *args, **kwargs)

    return scanned
