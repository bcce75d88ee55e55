"""multiprocessing.sharedctypes: ``Value``, ``Array`` and their raw forms are watched variables.

The object in shared memory becomes one of a subclass that records: the same object, of the same
layout.  That is enough for the synchronised forms as well, which reach it through properties that
take the lock.  What it is called everywhere goes with the wrapper of its memory, as a plain value.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder, shared
from raceway.record.naming import assigned_name
from raceway.record.recorder import CHUNK_ITEMS, flush, monotonic_ns
from raceway_autopatch.lock_ops import note_caller
from raceway_autopatch.patches.multiprocessing.sites import user_frame
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MODULE = "multiprocessing.sharedctypes"
TRACE = "_raceway"
"""On the wrapper of the memory: name of the object in all processes, and what reports call it."""
ITEMS = "_raceway_items"
"""On the object: this process's numbers of its variables, shifted to their place in an op."""


# ---------------------------------------------------------------- recording


class Items(dict):  # type: ignore[type-arg]  # text to subject, and no typing at run time
    """The variables of one shared object: what stands behind its name, to their subjects."""

    def __init__(self, name: str, label: str, role: str) -> None:
        self.name = name
        self.label = label
        self.role = role

    def rename(self, label: str) -> None:
        """Call the object something else from now on, and what was done to it so far, too."""
        self.label = label
        subject = self.get(None)
        if subject is not None:
            serial = subject >> ops.OP_BITS
            recorder.define((ops.DEF_VARIABLE, serial, 0, label, self.role, False, None))

    def __missing__(self, key: Any) -> int:
        """Define the variable of an attribute, of an item, or (None) of the whole."""
        serial = recorder.next_variable()
        recorder.define((ops.DEF_SHARED, "variable", serial, f"{self.name} {key!r}"))
        parent = 0 if key is None else self[None] >> ops.OP_BITS
        role = self.role
        text = self.label
        if key is not None:
            text = str(key)
            role = ops.ROLE_ITEM if role == ops.ROLE_CONTAINER else ops.ROLE_ATTRIBUTE
        recorder.define((ops.DEF_VARIABLE, serial, parent, text, role, False, None))
        subject = self[key] = serial << ops.OP_BITS
        return subject


def record(items: Items, key: Any, op: int, value: Any = None, *, valued: bool = False) -> None:
    """Record an access that is about to happen.

    Args:
        items: Of the object.
        key: Attribute or index; None for the whole.
        op: READ, WRITE ...
        value: What is written.
        valued: There is a value.
    """
    subject = items[key]
    state = recorder.current()
    frame = user_frame(3)
    note_caller(state, frame)
    token = state.tok
    entry: tuple[Any, ...] = (token, ops.TIME, None, monotonic_ns())
    entry += (token, subject | op, frame.f_code, frame.f_lasti)
    if valued:
        kind = type(value)
        if kind in ops.SCALARS:
            entry += (token, subject | ops.VALUE, None, value)
        else:
            entry += (token, subject | ops.VALUE, kind, None)
    buffer = recorder.BUFFER
    buffer += entry
    if len(buffer) > CHUNK_ITEMS:
        flush()


_record = contained(record, "shared variable")


# ---------------------------------------------------------------- the subclasses

_tracked: dict[type, Any] = {}


def _attribute(name: str, member: Any) -> property:
    get, put = member.__get__, member.__set__

    def fget(self: Any) -> Any:
        _record(self.__dict__[ITEMS], name, ops.READ)
        return get(self)

    def fset(self: Any, value: Any) -> None:
        _record(self.__dict__[ITEMS], name, ops.WRITE, value, valued=True)
        put(self, value)

    return property(fget, fset)


def _array_methods(base: Any) -> dict[str, Any]:
    def __getitem__(self: Any, key: Any) -> Any:  # noqa: N807 - it becomes the method
        length = base._length_
        if type(key) is int and -length <= key < length:
            _record(self.__dict__[ITEMS], key % length, ops.READ)
        elif isinstance(key, slice):
            for at in range(*key.indices(length)):
                _record(self.__dict__[ITEMS], at, ops.READ)
        return base.__getitem__(self, key)

    def __setitem__(self: Any, key: Any, value: Any) -> None:  # noqa: N807 - it becomes the method
        length = base._length_
        if type(key) is int and -length <= key < length:
            _record(self.__dict__[ITEMS], key % length, ops.WRITE, value, valued=True)
        elif isinstance(key, slice):
            for at in range(*key.indices(length)):
                _record(self.__dict__[ITEMS], at, ops.WRITE)
        base.__setitem__(self, key, value)

    return {"__getitem__": __getitem__, "__setitem__": __setitem__}


def _members(cls: Any, simple: type) -> dict[str, Any]:
    """Return what holds data in a ctypes class, as far as it is a value and no inner object."""
    if issubclass(cls, simple):
        return {"value": cls.value}
    fields: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for field in base.__dict__.get("_fields_", ()):
            if issubclass(field[1], simple):
                fields[field[0]] = base.__dict__[field[0]]
    return fields


def _tracked_class(cls: Any) -> Any:
    """Return the subclass that records, or None for a class with nothing to record."""
    if cls in _tracked:
        return _tracked[cls]
    import ctypes  # loaded: this module is patched when sharedctypes has imported it

    simple: Any = ctypes.c_int.__mro__[1]
    namespace: dict[str, Any] = {}
    if issubclass(cls, ctypes.Array):
        if issubclass(cls._type_, simple) and cls._type_ is not ctypes.c_char:
            namespace = _array_methods(cls)
        elif cls._type_ is ctypes.c_char:
            namespace = {name: _attribute(name, getattr(cls, name)) for name in ("value", "raw")}
    else:
        namespace = {name: _attribute(name, one) for name, one in _members(cls, simple).items()}
    made: Any = None
    if namespace:
        namespace |= {
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
            "_raceway_original": (cls,),
            "_raceway_named": _named,
        }
        made = type(cls)(cls.__name__, (cls,), namespace)
        # A pointer to it is one to the original: ctypes tells pointers apart by their class.
        ctypes._pointer_type_cache[made] = ctypes.POINTER(cls)  # type: ignore[attr-defined]
        module = sys.modules[MODULE]
        module.__dict__["_ForkingPickler"].register(made, _reduce)
    _tracked[cls] = made
    return made


def _named(obj: Any, label: str) -> None:
    """Let reports call a shared object what the user calls it."""
    items = obj.__dict__[ITEMS]
    items.rename(label)
    obj._wrapper.__dict__[TRACE] = items.name, label


def _reduce(obj: Any) -> Any:
    """Pickle a recording object as the one it stands for."""
    module: Any = sys.modules[MODULE]
    module.assert_spawning(obj)
    (original,) = type(obj)._raceway_original
    if hasattr(original, "_length_"):
        return module.rebuild_ctype, (original._type_, obj._wrapper, original._length_)
    return module.rebuild_ctype, (original, obj._wrapper, None)


def _begin(obj: Any, wrapper: Any) -> None:
    made = _tracked_class(type(obj))
    if made is None:
        return
    known = wrapper.__dict__.get(TRACE)
    if known is None:
        frame = user_frame(3)
        label = assigned_name(frame.f_code, frame.f_lasti)
        label = label or type(obj).__name__.removeprefix("c_")
        known = wrapper.__dict__[TRACE] = shared.unique(), label
    role = ops.ROLE_CONTAINER if hasattr(made, "_length_") else ops.ROLE_OBJECT
    obj.__dict__[ITEMS] = Items(known[0], known[1], role)
    obj.__class__ = made


def _rebuild_ctype(original: Callable[..., Any]) -> Callable[..., Any]:
    begin = contained(_begin)

    def rebuild_ctype(type_: Any, wrapper: Any, length: Any) -> Any:
        (type_,) = type_.__dict__.get("_raceway_original", (type_,))
        obj = original(type_, wrapper, length)
        begin(obj, wrapper)
        return obj

    return rebuild_ctype


PATCHES = (around("rebuild_ctype", _rebuild_ctype),)
