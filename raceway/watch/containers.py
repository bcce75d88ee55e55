"""The tracked class of every builtin container, and what makes one of a plain container."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque

from raceway.record.accelerator import accelerator
from raceway.watch.adoption import FILL, MIXINS, REBUILD, SILENT, STORE, TRACKED
from raceway.watch.tracked_deque import RecordingDeque
from raceway.watch.tracked_deque import copy_of as copy_of_deque
from raceway.watch.tracked_dict import (
    counter_methods,
    default_methods,
    dict_mixin,
    ordered_methods,
)
from raceway.watch.tracked_list import RecordingList
from raceway.watch.tracked_set import RecordingSet
from raceway.watch.twins import generate

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

_SLOTS = ("_raceway_items", "_raceway_structure")

_IN_C: dict[Any, dict[str, str]] = {
    dict: {"__getitem__": "read", "get": "read", "__contains__": "read", "__setitem__": "write"},
    list: {"__getitem__": "read", "__setitem__": "write", "append": "append"},
    set: {"add": "add", "__contains__": "read"},
    deque: {"append": "append", "pop": "pop", "popleft": "popleft"},
}
"""Methods that the accelerator can take over, and what they do."""


def _register(base: Any, mixin: Any, fill: Any, rebuild: Any, store: Any = None) -> None:
    """Make the classes for ``base``.

    The slots stand in a class of their own, below the recording methods: so a container can be
    given the class without the methods when it is no longer watched.
    """
    holder = type(base.__name__, (base,), {"__slots__": _SLOTS})

    def reduce_plain(self: Any, protocol: Any) -> Any:
        return rebuild(self).__reduce_ex__(protocol)

    def repr_plain(self: Any) -> str:
        return repr(rebuild(self))

    quiet: dict[str, Any] = {"__reduce_ex__": reduce_plain}
    if base is set:
        quiet["__repr__"] = repr_plain
    tracked = generate(base, (mixin, holder), {})
    silent = generate(base, (holder,), quiet)
    TRACKED[base] = tracked
    SILENT[tracked] = silent
    MIXINS[base] = mixin
    REBUILD[tracked] = REBUILD[silent] = rebuild
    FILL[base] = fill
    if store is not None:
        STORE[base] = store
    if accelerator is not None:
        slots = [holder.__dict__[name] for name in _SLOTS]
        for name, kind in _IN_C.get(base, {}).items():
            function = mixin.__dict__[name]
            method = accelerator.ContainerMethod(
                kind, function, getattr(base, name), tracked, *slots
            )
            setattr(mixin, name, method)


def _dict_kind(base: Any, methods: Any = None) -> None:
    mixin = dict_mixin(base)
    if methods is not None:
        mixin = type(base.__name__, (mixin,), {"__slots__": (), **methods(base)})

    def fill(target: Any, source: Any) -> None:
        if base is defaultdict:
            target.default_factory = source.default_factory
        for key, value in base.items(source):
            base.__setitem__(target, key, value)
        if getattr(source, "__dict__", None):
            target.__dict__.update(source.__dict__)

    def rebuild(tracked: Any) -> Any:
        if base is dict:
            return dict(dict.items(tracked))
        result = base(tracked.default_factory) if base is defaultdict else base()
        for key, value in base.items(tracked):
            base.__setitem__(result, key, value)
        return result

    _register(base, mixin, fill, rebuild, base.__setitem__)


def _fill_deque(target: Any, source: Any) -> None:
    deque.__init__(target, source, source.maxlen)


def _rebuild_set(tracked: Any) -> set[Any]:
    result: set[Any] = set()
    result.update(set.__iter__(tracked))
    return result


_dict_kind(dict)
_dict_kind(defaultdict, default_methods)
_dict_kind(OrderedDict, ordered_methods)
_dict_kind(Counter, counter_methods)
_register(list, RecordingList, list.extend, list.copy, list.__setitem__)
_register(set, RecordingSet, set.update, _rebuild_set)
_register(deque, RecordingDeque, _fill_deque, copy_of_deque, deque.__setitem__)


def mixin_for(cls: type) -> Any:
    """Return the recording methods for a class of the program that is a container, or ``None``."""
    for base in cls.__mro__:
        if base in MIXINS:
            return MIXINS[base]
    return None
